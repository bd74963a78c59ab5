#!/usr/bin/env bash
# Every fuzz target for 20 seconds.
. "${top_srcdir:?}/tests/fuzz/fuzz.sh"
fuzz_all 20
