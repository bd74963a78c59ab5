#!/usr/bin/env bash
# Programs whose loader, libraries or observers are not the usual ones.
. "$top_srcdir/tests/torture/matrix.sh"
must_build simple.c
must_build plugin.c -shared -fPIC -o plugin.so
must_build preloaded.c -shared -fPIC -o preloaded.so
must_build audit.c -shared -fPIC -o audit.so

torture simple 5 160 ./simple
before="env LD_PRELOAD=$work/preloaded.so"
torture preload_before_ours 5 160 ./simple
torture preload_after_ours 5 160 env "LD_PRELOAD=$work/preloaded.so" ./simple
before="env LD_AUDIT=$work/audit.so"
torture audited 5 160 ./simple
program namespaces 0 160
before="env -i ASSAY_LIBRARY=$ASSAY_LIBRARY A=1 B=two"
must_build looks_at_itself.c
torture looks_at_itself 0 160 env -u ASSAY_LIBRARY ./looks_at_itself
program traces_itself 0 200
torture env_empty 5 160 env -i ./simple

# ---- watched by others ----

if ! command -v gdb >/dev/null; then
	skip 'under gdb' 'gdb is not installed'
elif ! gdb -q -batch -nx -ex run ./simple 2>&1 | grep -q 'exited with code 05'; then
	skip 'under gdb' 'gdb cannot run programs here'
else
	"$ASSAY" run -q -o gdb.assay --rate=5000 gdb -q -batch -nx -ex 'handle all nostop noprint' -ex run ./simple >gdb.out 2>&1 </dev/null
	like 'gdb, measured: the program that it runs ends as it does' "$(cat gdb.out)" '*done*exited with code 05*'
	check 'gdb, measured: a whole profile' whole gdb 160
fi
if ! command -v strace >/dev/null; then
	skip 'under strace' 'strace is not installed'
elif ! strace -o strace.log ./simple >/dev/null 2>&1 && [ ! -s strace.log ]; then
	skip 'under strace' 'strace cannot trace here'
else
	torture strace 5 160 strace -f -o strace.log ./simple
	# (where long/sanitized.sh built it, its leak checker cannot be traced)
	"$ASSAY" run -q -o traced.assay true && ASAN_OPTIONS=detect_leaks=0 strace -f -o strace.log "$ASSAY" run -q -o straced.assay \
		./simple >straced.out 2>&1
	same 'strace around the command: the exit status' $? 5
	check 'strace around the command: a whole profile' whole straced 160
fi
finish
