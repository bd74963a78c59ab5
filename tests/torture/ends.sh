#!/usr/bin/env bash
# Every way to end, alone and with threads at work.
. "$top_srcdir/tests/torture/matrix.sh"
must_build ends.c
for way in kill:137 segv:139 overflow:139 abort:134 _exit:13 quick:14 xit:15 group:16 handled:12 thread:11 illegal:132 pipe:141 return:17; do
	ms=160
	[ "${way%:*}" != thread ] || ms=240 # it burns more in that thread
	torture "ends_${way%:*}" "${way#*:}" $ms ./ends "${way%:*}"
	ways='cpu:5000 perf:5000'
	torture "ends_${way%:*}_threads" "${way#*:}" 0 ./ends "${way%:*}+"
done
finish
