# lib.sh: what the end-to-end tests share; sourced, never run. Speaks TAP, keeps a folder of its own ($work, the
# current one from here on), compiles the tests' programs, runs a program bare and under Assay, and asks profiles.
#
# make check sets ASSAY (the command), ASSAY_LIBRARY (what it preloads), CC, CXX, top_srcdir and top_builddir.
# shellcheck shell=bash
set -u
: "${ASSAY:?}" "${top_srcdir:?}" "${top_builddir:?}" "${CC:?}" "${CXX:?}"
programs=$top_srcdir/tests/e2e/programs
python=/usr/bin/python3
tests=0
todo=
# What the machine's user has set must not change what is measured.
unset ASSAY_SPOOL_DIR ASSAY_RUN ASSAY_PRELOAD LD_PRELOAD DEBUGINFOD_URLS
export LC_ALL=C.UTF-8
work=$(mktemp -d "${TMPDIR:-/tmp}/assay-e2e.XXXXXX") || exit 1
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# ---- TAP ----

# result STATUS WHAT: 0 is a pass. todo=WHY before a check: the failure is known and to be repaired; until then it is no
# failure of the suite, and a pass is.
result()
{
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests - $2${todo:+ # TODO $todo}"
	else
		echo "not ok $tests - $2${todo:+ # TODO $todo}"
	fi
	return "$1"
}

# Lines of standard input, as remarks.
remark() { head -n 40 | cut -c1-300 | sed 's/^/# /'; }

# check WHAT COMMAND...: passes when the command does; what it prints is shown when not.
check()
{
	local what=$1 said status
	shift
	said=$("$@" 2>&1)
	status=$?
	if ! result "$((status != 0))" "$what"; then
		printf '%s\n' "failed: $*" "$said" | remark
	fi
	return "$((status != 0))"
}

# same WHAT GOT WANTED
same()
{
	[ "$2" = "$3" ]
	result $? "$1" || printf 'got:    %s\nwanted: %s\n' "$2" "$3" | remark
}

# like WHAT GOT PATTERN: a shell pattern.
like()
{
	# shellcheck disable=SC2053
	[[ $2 == $3 ]]
	result $? "$1" || printf 'got:    %s\nwanted: %s\n' "$2" "$3" | remark
}

# holds WHAT EXPRESSION: in awk's words; an empty operand makes it a syntax error, and so a failure.
holds()
{
	awk "BEGIN { exit !($2) }" 2>"$work/awk.err"
	result $? "$1" || { echo "$2"; cat "$work/awk.err"; } | remark
}

skip()
{
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# The plan, last: a test that ends before this is an error.
finish() { echo "1..$tests"; }

# ---- programs ----

# compile FILE [FLAG...]: makes ./NAME of programs/NAME.c or .cc; flags after -O2 -g.
compile()
{
	local file=$1 name=${1%.*} compiler=$CC
	shift
	[ "${file##*.}" = c ] || compiler=$CXX
	# shellcheck disable=SC2086
	$compiler -O2 -g -o "$name" "$programs/$file" "$@" -pthread >"$name.cc.log" 2>&1 && return
	echo "Bail out! $file does not compile: $(head -n 3 "$name.cc.log" | tr '\n' ' ')"
	exit 1
}

# ---- runs ----

# bare NAME COMMAND...: as it is; leaves NAME.bare.out, .err and .status.
bare()
{
	local name=$1
	shift
	"$@" >"$name.bare.out" 2>"$name.bare.err" </dev/null
	echo $? >"$name.bare.status"
}

# under NAME [OPTION...] -- COMMAND...: under Assay, its profile NAME.assay; leaves NAME.out, .err and .status.
last_run=
under()
{
	local name=$1 options=()
	last_run=${*@Q}
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	rm -f "$name.assay"
	# The shell says on standard error how a program was killed; here it says so to nobody.
	{ "$ASSAY" run -q -o "$name.assay" "${options[@]}" "$@" >"$name.out" 2>"$name.err" </dev/null; } 2>/dev/null
	echo $? >"$name.status"
}

# While `WHAT...` says that a profile has too few samples, its run is made again, twice at most. On a crowded machine, and
# where the host takes cores away, the kernel's ticks may find a thread running so seldom that most of its time is after
# its last sample: that is no fault if it comes and goes. What is wrong each time is judged as it is.
again_while_too_few()
{
	local tries=0
	while [ $tries -lt 2 ] && "$@"; do
		tries=$((tries + 1))
		echo "# too few samples, once more: $last_run"
		eval "under $last_run"
	done
}

# The two runs' output, errors and status are the same to the byte.
agrees()
{
	local name=$1 part
	for part in status out err; do
		cmp "$name.bare.$part" "$name.$part" || { diff "$name.bare.$part" "$name.$part" | head -n 20; return 1; }
	done
	[ -s "$name.assay" ] || { echo "no profile $name.assay"; return 1; }
}

# both NAME [OPTION...] -- COMMAND...: bare, then under Assay, and the test that they agree.
both()
{
	local name=$1 arguments=("$@")
	while [ "$1" != -- ]; do shift; done
	shift
	{ bare "$name" "$@"; } 2>/dev/null
	under "${arguments[@]}"
	check "$name: output and exit status are those of the bare run" agrees "$name"
}

# ---- profiles ----

# ask NAME SQL: columns by |, rows by newline. Only reads: a missing profile is not made.
ask() { sqlite3 -readonly "$1.assay" "$2"; }

# Percent of the run's CPU time in functions like PATTERN (SQL) by themselves, over all, or in a process.
share_of()
{
	ask "$1" "SELECT coalesce(round(100.0 * sum(v.sum) / (SELECT sum(sampled_ns) FROM thread), 2), 0)
		FROM value v JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function
		WHERE f.name LIKE '$2' ESCAPE '\\'"
}

# The same for modules.
share_of_module()
{
	ask "$1" "SELECT coalesce(round(100.0 * sum(v.sum) / (SELECT sum(sampled_ns) FROM thread), 2), 0)
		FROM value v JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function
		JOIN module m ON m.id = f.module WHERE m.name LIKE '$2' ESCAPE '\\'"
}

# Percent of samples without a complete call path; nothing at all if there are no samples.
incomplete() { ask "$1" "SELECT 100.0 * (SELECT coalesce(sum(count), 0) FROM loss) / nullif(sum(samples), 0) FROM thread"; }

# identity NAME: the account's identities hold to the nanosecond for every thread. CPU time may be ahead of wall time by as
# much as the kernel's two clocks are apart (0.1 ms and 2 %, seen on a virtual machine), in a thread that only computed.
identity()
{
	local wrong
	[ "$(ask "$1" 'SELECT count(*) > 0 FROM thread')" = 1 ] || { echo 'no threads'; return 1; }
	wrong=$(ask "$1" 'SELECT id, name, wall_ns, cpu_ns, core_wait_ns, located_ns + wait_ns, sampled_ns, startup_ns, unsampled_ns FROM thread
		WHERE (wall_ns <> cpu_ns + core_wait_ns + located_ns + wait_ns AND NOT (core_wait_ns + located_ns + wait_ns = 0 AND cpu_ns > wall_ns AND
		cpu_ns - wall_ns < 100000 + wall_ns / 50)) OR cpu_ns <> sampled_ns + startup_ns + unsampled_ns')
	[ -z "$wrong" ] || { echo "thread|name|wall|cpu|core wait|wait|sampled|startup|unsampled"; echo "$wrong"; return 1; }
}

# Whether --clock=perf can be had here; why not, if not.
perf_refused() { "$ASSAY" run -q -o perf-probe.assay --clock=perf true 2>&1 >/dev/null | grep -o 'the kernel refuses[^(]*'; rm -f perf-probe.assay; }
