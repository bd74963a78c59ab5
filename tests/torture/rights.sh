#!/usr/bin/env bash
# Programs that move house, give up rights, and lock themselves in.
. "$top_srcdir/tests/torture/matrix.sh"
program places 0 160
if [ "$(id -u)" = 0 ]; then
	program chroot 0 160
	# its children cannot write where root's spools are; each image says so once
	words='assay: not measuring *drop_root: no spool for a forked process: Permission denied*sh: it could not be set up: Permission denied*id: it could not be set up: Permission denied'
	program drop_root 0 160
else
	skip chroot 'only root can'
	skip drop_root 'only root can'
fi
program seccomp_strict 4 160
torture seccomp_strict_call 4 160 ./seccomp_strict call
must_build seccomp_filter.c
torture seccomp_few 4 0 ./seccomp_filter few
torture seccomp_few_prctl 4 0 ./seccomp_filter few prctl
torture seccomp_most 4 160 ./seccomp_filter most
torture seccomp_most_prctl 4 160 ./seccomp_filter most prctl
finish
