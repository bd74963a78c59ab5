#!/usr/bin/env bash
# Programs that have little of something, or run out of it.
. "$top_srcdir/tests/torture/matrix.sh"
program nofile_small 0 0
program as_small 0 0
torture as_little_from_the_start 0 0 ./as_small little
# executed anew, it has no room for a spool
words='assay: not measuring *: it could not be set up: File too large'
program fsize_small 0 40
program stack_small 0 160
program out_of_memory 139 160

# ---- the disk, or the memory that spools are in, is full while measuring ----
must_build many_paths.c
mkdir small
namespace='unshare -m --propagation private'
[ "$(id -u)" = 0 ] || namespace='unshare -rm --propagation private'
# shellcheck disable=SC2016
if $namespace sh -c 'mount -t tmpfs -o size=96k none small' 2>/dev/null; then
	# shellcheck disable=SC2016
	printf '%s\n' '#!/bin/sh' 'mount -t tmpfs -o size=96k none small && exec "$@"' >in_small
	chmod +x in_small
	before="$namespace ./in_small env ASSAY_SPOOL_DIR=$work/small"
	torture disk_full 0 0 ./many_paths
	same 'disk full: what was lost is counted' "$(ask disk_full "SELECT sum(count) > 0 FROM loss WHERE kind = 'failed'")" 1
else
	skip 'disk full' 'no small file system can be mounted here'
fi
finish
