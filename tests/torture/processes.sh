#!/usr/bin/env bash
# Processes made in every way, in storms, and from the middle of threads at work.
. "$top_srcdir/tests/torture/matrix.sh"
must_build plugin.c -shared -fPIC -o plugin.so
program fork_storm 0 160
program fork_threads 0 40-160 # 4 ms in each child
program raw_clone 0 160
program daemonise 0 160
cp "$programs/processes.c" . && sources=. must_build processes.c
for way in fork:3 vfork:3 vfork_exit:3 spawn:3 system:3 popen:3 chain:3 empty:3 no_exec:3 double:3 threads_fork:3 thread_exit:3 main_leaves:0; do
	torture "processes_${way%:*}" "${way#*:}" 0 ./processes "${way%:*}"
done
finish
