#!/usr/bin/env bash
# The core on aarch64, cross-built and run by qemu: its unit tests, its unwinder at every instruction of many shapes of
# code, and programs that are measured there, their profiles made here.
. "$top_srcdir/tests/e2e/lib.sh"
target=aarch64-linux-gnu

missing=
command -v $target-gcc >/dev/null || missing+=" gcc-aarch64-linux-gnu"
[ -e /usr/$target/lib/libc.so.6 ] && [ -e /usr/$target/include/stdio.h ] || missing+=" libc6-dev-arm64-cross"
command -v qemu-aarch64 >/dev/null || missing+=" qemu-user"
if [ -n "$missing" ]; then
	result 1 "the cross compiler and the emulator are installed"
	echo "# on Debian: apt-get install$missing"
	finish
	exit
fi

# MAKEFLAGS: a job server of the calling make is not for this one
check 'the core and its tests are built' env MAKEFLAGS= make -j2 -f "$top_srcdir/tests/long/aarch64.mk" top_srcdir="$top_srcdir" ||
	{ finish; exit; }

emulated() { timeout 600 qemu-aarch64 -cpu max -L /usr/$target "$@"; }

# takes NAME COMMAND...: the TAP of a program of tests, as that many of ours.
takes()
{
	local name=$1 status line planned=0 seen=0
	shift
	"$@" >"$name.tap" 2>&1
	status=$?
	while IFS= read -r line; do
		case $line in
		1..*) planned=${line#1..} ;;
		"ok "* | "not ok "*)
			seen=$((seen + 1))
			tests=$((tests + 1))
			echo "$line" | sed -E "s/^(ok|not ok) [0-9]+ - /\1 $tests - $name: /; s/(# SKIP)$/\1 ${why-}/"
			;;
		*) echo "# ${line#\# }" ;;
		esac
	done <"$name.tap"
	[ $seen = "$planned" ] && [ $seen -gt 0 ] && { [ $status = 0 ] || grep -q '^not ok' "$name.tap"; } && return
	result 1 "$name: ran to its end ($seen of $planned, status $status)"
}

# ---- unit tests ----

# What the emulator does not do as a kernel does: it says yes to MADV_POPULATE_WRITE and does nothing, passes
# perf_event_open's descriptor on but not its signals, and knows no RLIMIT_AS.
export SHIM_SKIP='a_full_file_system_is_no_sigbus by_perf_events limits_of_the_program'
why='qemu-user does not do this as a kernel does'
for test in test_*; do
	[ ! -x "$test" ] || takes "$test" emulated "./$test"
done
unset SHIM_SKIP why

# ---- the unwinder ----

for test in unwind-*; do
	takes "$test" emulated "./$test"
done

# ---- measured programs ----

# The loader of qemu itself, which is no aarch64 program, does without what it shall preload and says so; the emulated one
# has the environment from it.
under_emulated()
{
	local name=$1
	shift
	ASSAY_LIBRARY=$work/libassay.so under "$name" --rate=1000 -- qemu-aarch64 -cpu max -L /usr/$target "$@"
	sed -i '/^ERROR: ld.so: object .* cannot be preloaded/d' "$name.err"
}

# Four standard errors: 1.96 are what is printed.
shares()
{
	"$python" - <<'END'
import json, sys
functions = {f["function"]: f for f in json.load(open("phases.json"))["functions"]}
found = [(name, functions.get(name), share) for name, share in (("phase_sixty", 60), ("phase_thirty", 30), ("phase_ten", 10))]
total = sum(f["exclusive_s"] for _, f, _ in found if f) or 1
for name, f, share in found:
    if not f or abs(100 * f["exclusive_s"] / total - share) > 4 / 1.96 * f["exclusive_error"]:
        sys.exit(f"{name}: {f}, of {total} s")
END
}

bare phases emulated ./phases -t 2 -s 0.5
under_emulated phases ./phases -t 2 -s 0.5
check 'phases: output and exit status are those of the bare run' agrees phases
check 'phases: the identities hold in each thread' identity phases
"$ASSAY" report --json phases.assay >phases.json
check 'phases: the planted shares are 60, 30 and 10 %' shares
same 'phases: every walk was whole' "$(ask phases 'SELECT * FROM loss')" ''
holds 'phases: there are samples' "$(ask phases 'SELECT sum(samples) FROM thread') > 100"
same 'phases: both threads are known' "$(ask phases 'SELECT count(*) FROM thread')" 2
same 'phases: its functions are called by work' "$(ask phases "SELECT DISTINCT g.name FROM node n JOIN function f ON f.id = n.function
	JOIN node m ON m.id = n.parent JOIN function g ON g.id = m.function WHERE f.name LIKE 'phase\\_%' ESCAPE '\\'")" work

# Programs of the torture matrix.
for program in simple threads_burn longjmp_handlers nested_signals coroutines detached_threads live_threads cancel \
	block_all sigwait_loop deep raw_clone fork_storm; do
	$target-gcc -O2 -g -D_GNU_SOURCE -I"$top_srcdir/tests/e2e/programs" -o $program \
		"$top_srcdir/tests/torture/programs/$program.c" -pthread -lm >$program.cc.log 2>&1 ||
		{ result 1 "$program: is built"; remark <$program.cc.log; continue; }
	bare $program emulated ./$program
	under_emulated $program ./$program
	check "$program: output and exit status are those of the bare run" agrees $program
done
finish
