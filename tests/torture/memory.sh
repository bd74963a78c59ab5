#!/usr/bin/env bash
# Allocators of the program's own, other allocators, and sanitisers.
. "$top_srcdir/tests/torture/matrix.sh"
program own_malloc 0 160
program allocate 0 160
jemalloc=$(ls /usr/lib/*/libjemalloc.so.2 2>/dev/null | head -n 1)
if [ -n "$jemalloc" ]; then
	before="env LD_PRELOAD=$jemalloc"
	torture jemalloc 0 160 ./allocate
	must_build looks_at_itself.c
	before="env -i LD_PRELOAD=$jemalloc ASSAY_LIBRARY=$ASSAY_LIBRARY"
	torture jemalloc_seen 0 160 env -u ASSAY_LIBRARY ./looks_at_itself
else
	skip jemalloc 'libjemalloc2 is not installed'
fi
for sanitizer in address thread undefined; do
	if build allocate.c -fsanitize=$sanitizer; then
		torture "sanitizer_$sanitizer" 0 160 ./allocate
		torture "sanitizer_${sanitizer}_executed" 0 160 sh -c "./allocate; exit $?"
	else
		skip "sanitizer $sanitizer" "$unbuilt"
	fi
done
finish
