#!/usr/bin/env bash
# Programs that have little of something, or run out of it.
. "$top_srcdir/tests/torture/matrix.sh"
program nofile_small 0 0
program as_small 0 0
torture as_little_from_the_start 0 0 ./as_small little
# executed anew, it has room for a header and no samples
program fsize_small 0 40
program stack_small 0 160
program out_of_memory 139 160
finish
