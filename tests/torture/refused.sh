#!/usr/bin/env bash
# Programs that nothing can be preloaded into: refused before they run, in one clear line; and when others run them, they run.
. "$top_srcdir/tests/torture/matrix.sh"

# refused WHAT PATTERN PROGRAM
refused()
{
	local said status
	said=$("$ASSAY" run -q -o refused.assay "$3" 2>&1 </dev/null)
	status=$?
	# shellcheck disable=SC2053
	[ $status = 126 ] && [[ $said == $2 ]] && [ ! -e refused.assay ] && [ "$(wc -l <<<"$said")" = 1 ]
	result $? "$1: refused in a clear line (status $status: $said)"
}

must_build simple.c
if build bare32.c -m32 -nostdlib -static -ffreestanding -fno-pic -no-pie -fno-stack-protector; then
	refused 'a 32-bit program' '*bare32 is a 32-bit program*' ./bare32
	if ./bare32 2>/dev/null; [ $? = 3 ]; then
		torture runs_32_bit 5 160 sh -c './bare32; [ $? = 3 ] && ./simple'
	else
		skip 'a 32-bit program, run by another' 'this kernel runs none'
	fi
else
	skip 'a 32-bit program' "$unbuilt"
fi
if build simple.c -static-pie; then
	refused 'static-pie' '*simple is statically linked*' ./simple
	mv simple simple-static && must_build simple.c
	torture runs_static 5 160 sh -c './simple-static; [ $? = 5 ] && ./simple'
else
	skip 'static-pie' "$unbuilt"
fi
if command -v musl-gcc >/dev/null && CC=musl-gcc build bare_musl.c 2>/dev/null; then
	refused 'a musl program' '*bare_musl uses the musl C library*' ./bare_musl
	if ./bare_musl >/dev/null; [ $? = 3 ]; then
		torture runs_musl 5 160 sh -c './bare_musl; [ $? = 3 ] && ./simple'
	else
		skip 'a musl program, run by another' 'it does not run here'
	fi
else
	skip 'a musl program' 'musl-tools is not installed'
fi
finish
