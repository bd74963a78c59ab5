#!/usr/bin/env bash
# A program under Assay behaves as it does without: what it sees of itself, its signals, calls that signals could cut
# short, its own timers, stacks and jumps. All of it at a high rate and with both clocks.
. "$top_srcdir/tests/e2e/lib.sh"
ulimit -c 0
compile harmless.c
refused=$(perf_refused)

# found NAME FUNCTION MS: at least half of that much CPU time (and 40 ms for a crowded machine) is found there.
found()
{
	local got
	got=$(ms_in "$1" "$2")
	holds "$1: $2 has its time (${got:-none} ms of $3)" "$got > 0 && $got > $3 / 2 - 40"
}

ms_in()
{
	ask "$1" "SELECT coalesce(sum(v.sum) / 1000000, 0) FROM value v JOIN node n ON n.id = v.node
		JOIN function f ON f.id = n.function WHERE f.name = '$2'"
}

# too_few NAME [FUNCTION:MS...]: whether one of them has not.
too_few()
{
	local name=$1 one got
	shift
	for one in "$@"; do
		got=$(ms_in "$name" "${one%:*}")
		[ "${got:-0}" -gt 0 ] && [ "$got" -gt $((${one#*:} / 2 - 40)) ] || return 0
	done
	return 1
}

# each WHAT [FUNCTION:MS...]: with each clock.
each()
{
	local what=$1 clock one
	shift
	bare "$what" timeout 400 ./harmless "$what"
	for clock in $clocks; do
		if [ $clock = perf ] && [ -n "$refused" ]; then
			skip "$what: with the perf clock" "$refused"
			continue
		fi
		under "$what" --rate=5000 --clock=$clock -- timeout 400 ./harmless "$what"
		again_while_too_few too_few "$what" "$@"
		check "$what, $clock clock: output and exit status are those of the bare run" agrees "$what"
		for one in "$@"; do
			found "$what" "${one%:*}" "${one#*:}"
		done
	done
}

clocks='cpu perf'
each_cpu() { clocks=cpu; each "$@"; clocks='cpu perf'; }

# ---- what it sees of itself ----

# ($_ is the shell's note of what it started: here the command itself)
both env -- env -u _ env
both env_set -- env -i A=1 LD_LIBRARY_PATH=/nonexistent B='two words' env
both printenv -- env -u _ printenv
both printenv_none -- printenv LD_PRELOAD ASSAY_RUN ASSAY_PRELOAD
both locale -- locale
both limits -- bash -c 'ulimit -a; umask; pwd; echo $0 $#; trap'
both ignored -- bash -c "trap '' INT USR1 PROF; ./harmless see_signals"
each see_environment
each see_signals
each_cpu see_descriptors
if [ -z "$refused" ]; then
	under see_descriptors --clock=perf -- ./harmless see_descriptors
	# a perf event is a descriptor: the only one more, and out of the way
	same 'see_descriptors, perf clock: one more, and not the next' "$(diff see_descriptors.bare.err see_descriptors.err |
		sed -n 's/^> \([0-9][0-9][0-9]*\) -$/more/p; s/^< .*/less/p; s/^> next.*/next/p')" more
else
	skip 'see_descriptors, perf clock: one more, and not the next' "$refused"
fi
for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
	bash -c "./harmless see_descriptors $closed" 2>&1 | sort >closed.bare
	"$ASSAY" run -q --force -o closed.assay bash -c "./harmless see_descriptors $closed" 2>&1 | sort >closed.out
	same "started with $closed: descriptors are those of the bare run" "$(cat closed.out)" "$(cat closed.bare)"
done
bare kernel ./harmless see_kernel_signals
under kernel -- ./harmless see_kernel_signals
same 'the kernel has the same signals blocked, ignored and pending' "$(grep -v SigCgt kernel.out | grep -v SigQ)" \
	"$(grep -v SigCgt kernel.bare.out | grep -v SigQ)"
same 'and one more handled' "$("$python" -c 'import sys
a, b = (int(next(l.split()[1] for l in open(f) if l.startswith("SigCgt")), 16) for f in sys.argv[1:])
print(bin(a ^ b).count("1"), a & b == a)' kernel.bare.out kernel.out)" '1 True'

# ---- signals ----

each block_all hot:200
each block_all_in_thread hot:200
each wait_all hot:150
each read_all hot:200
each reset_all hot:200
each ignore_all hot:200
each handle_all hot_handler:150
each sleep_all
like 'sleep_all: and the calls were made' "$(cat sleep_all.bare.out)" 'nanosleep 400 calls, 0 cut short*'

# ---- timers, stacks, jumps, threads ----

each own_timer hot:300
# a small alternate stack has no room for the sampling signal too: the handler's time is told after its return
each small_stack
each jump_out hot_after:200
each coroutines
each recursion
each many_threads
same 'many_threads: all are accounted for' "$(ask many_threads "SELECT sum(threads) FROM thread t JOIN process p ON p.id = t.process
	WHERE p.name = 'harmless'")" 10001
each close_all
each sandboxed

$CC -O2 -g -shared -fPIC -DNAME=first -o libfirst.so "$programs/module.c" || exit 1
compile storm.cc -ldl
for clock in cpu perf; do
	if [ $clock = perf ] && [ -n "$refused" ]; then
		skip 'storm: with the perf clock' "$refused"
		continue
	fi
	both storm --rate=5000 --clock=$clock -- timeout 400 ./storm ./libfirst.so
done

# ---- other preloads, limits ----

compile uses_preloaded.c
for n in 1 2; do $CC -shared -fPIC -DNAME=$n -o preloaded$n.so "$programs/preloaded.c" || exit 1; done
for list in ./preloaded1.so:./preloaded2.so './preloaded2.so ./preloaded1.so' ./preloaded1.so; do
	both preload -- env LD_PRELOAD="$list" ./uses_preloaded and-child
	LD_PRELOAD=$list ./uses_preloaded and-child >preload.bare.out 2>&1
	LD_PRELOAD=$list "$ASSAY" run -q --force -o preload.assay ./uses_preloaded and-child >preload.out 2>&1
	# the command itself has the user's libraries too, so their first words come once more
	same "LD_PRELOAD=$list is kept, in its order" "$(grep -v '^start' preload.out)" "$(grep -v '^start' preload.bare.out)"
	same '... with its constructors' "$(grep '^start' preload.out | tail -n "$(grep -c '^start' preload.bare.out)")" \
		"$(grep '^start' preload.bare.out)"
done

compile hot.c
# limited WHAT COMMAND: what the program says and how it ends are the same; Assay may say that it does not measure.
limited()
{
	# through a pipe, for the limits are those of files as well
	bare limited bash -o pipefail -c "{ $2; } 2>&1 | sort"
	under limited -- bash -o pipefail -c "{ $2; } 2>&1 | sort"
	same "$1: exit status and output are those of the bare run" "$(cat limited.status; grep -v '^assay: not measuring' limited.out; cat limited.err)" \
		"$(cat limited.bare.status limited.bare.out limited.bare.err)"
	like '... and Assay says one line at most' "$(grep -c '^assay: ' limited.out)" '[01]'
}
limited 'no file may grow (ulimit -f 0)' 'ulimit -f 0; exec ./hot 50'
limited 'no file may grow beyond 64 kB' 'ulimit -f 64; exec ./hot 50'
limited 'little address space (ulimit -v)' 'ulimit -v 100000; exec ./hot 50'
limited 'few descriptors (ulimit -n 4)' 'exec 3>&-; ulimit -n 4; exec ./hot 50'
limited 'no pending signals (ulimit -i 0)' 'ulimit -i 0; exec ./hot 50'
limited 'a small stack (ulimit -s 128)' 'ulimit -s 128; exec ./hot 50'
limited 'a folder that is gone' 'mkdir gone; cd gone; rmdir ../gone; exec ../hot 50'
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	limited 'another user' 'exec setpriv --reuid=65534 --regid=65534 --clear-groups ./hot 50'
else
	skip 'another user' 'only root can become one'
fi
finish
