#!/usr/bin/env bash
# What is left when things are killed: the target at random moments, the launcher, the digest. KILLS says how often.
. "$top_srcdir/tests/torture/matrix.sh"
kills=${KILLS:-20}
mkdir spools
export ASSAY_SPOOL_DIR=$work/spools
must_build threads_burn.c
seed=${SEED:-$RANDOM}
echo "# SEED=$seed KILLS=$kills"

check "the target is killed $kills times: every profile opens, and its weights are the CPU time up to the last sample" \
	"$python" "$top_srcdir/tests/torture/kill.py" target "$kills" "$seed"
check "nothing is left behind where spools are made" test -z "$(ls spools)"
check "the launcher is killed $kills times: assay digest makes the profile, or there is nothing to make one of" \
	"$python" "$top_srcdir/tests/torture/kill.py" launcher "$kills" "$seed"
rm -rf spools/*
check "the digest is killed $kills times: no half-written profile is seen, and the spools are still good" \
	"$python" "$top_srcdir/tests/torture/kill.py" digest "$kills" "$seed"
finish
