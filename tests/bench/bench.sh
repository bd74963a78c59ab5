#!/usr/bin/env bash
# make bench: how well Assay does, as ratios from interleaved runs on this machine, with perf, gperftools, uftrace and
# EZTrace beside it where they are installed. Not a test: it fails only when it cannot measure. See docs/BENCHMARKS.md.
#
#   BENCH=name          only this one (`BENCH=help` lists them), or several with spaces between
#   BENCH_SECONDS=10    length of the 8-thread program of `size`, on all cores (the aim is stated for 60)
#   BENCH_ROUNDS=24     rounds at most, each of which runs every command once
#   BENCH_BUDGET=50     seconds that one comparison may take
#   BENCH_JSON=FILE     raw figures, a line of JSON each
#
# In the environment, from tests/Makefile.am: ASSAY, ASSAY_LIBRARY, CC, CXX, top_srcdir, top_builddir.
set -u
: "${ASSAY:?run by make bench}" "${ASSAY_LIBRARY:?}" "${top_srcdir:?}" "${top_builddir:?}"
export ASSAY_LIBRARY
SECONDS_LONG=${BENCH_SECONDS:-10} ROUNDS=${BENCH_ROUNDS:-24} BUDGET=${BENCH_BUDGET:-50} RATE=200
BENCHES="overhead weight size start report threads shell sample delivery regions locks openmp"
# Groundwork that is not built by default.
$ASSAY plugins 2>/dev/null | grep -q '^mpi:' && BENCHES="$BENCHES mpi"
WANTED=${BENCH:-$BENCHES}
HERE=$top_srcdir/tests/bench
ORACLE=$top_builddir/tests/oracle/.libs/liboracle ORACLE_READ=$top_builddir/tests/oracle/oracle_read
dir=$(mktemp -d "${TMPDIR:-/tmp}/assay-bench.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
: >rows; : >raw

die() { echo "bench: $*" >&2; exit 1; }
say() { echo "bench: $*" >&2; }

if [ "$WANTED" = help ]; then
	echo "$BENCHES" | tr ' ' '\n'
	exit 0
fi

# ---- what is measured with what

build() {
	local flags='-O2 -g -fno-omit-frame-pointer -pthread'
	for name in compare delivery paths threads; do
		${CC:-cc} $flags -o $name "$HERE/$name.c" || die "$name.c does not compile"
	done
	${CXX:-c++} $flags -o words "$HERE/words.cc" || die "words.cc does not compile"
	cp "$top_builddir/samples/matmul/matmul" . 2>/dev/null || die "samples/matmul is not built"
	cat >loop.py <<-'PYTHON'
		import json, sys
		rows = [{"id": i, "name": "row %d" % i, "values": list(range(20))} for i in range(100)]
		for _ in range(int(sys.argv[1])):
		    rows = json.loads(json.dumps(rows))
	PYTHON
	# a mixture that xz has work with, the same each time
	awk 'BEGIN { srand(1); for (i = 0; i < 30000; i++) print i, int(rand() * 1e6), "a line of text that repeats" }' >data
}

perf=; gperf=
perf record -q -F $RATE -g -o probe.data true >/dev/null 2>&1 && perf="perf record -q -F $RATE -g -o perf.data --"
for lib in /usr/lib/*/libprofiler.so.0 /usr/lib64/libprofiler.so.0 /usr/lib/libprofiler.so.0; do
	[ -z "$gperf" ] && [ -e "$lib" ] && gperf="env CPUPROFILE=gperf.prof CPUPROFILE_FREQUENCY=$RATE LD_PRELOAD=$lib"
done
EZTRACE=$(command -v eztrace || true)
PYTHON=$(command -v /usr/bin/python3 || true) XZ=$(command -v xz || true) SQLITE=$(command -v sqlite3 || true)
fast_clock=--rate=1000
perf_event() { [ "$(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo 4)" -le 2 ] || [ "$(id -u)" = 0 ]; }
perf_event && fast_clock="--clock=perf --rate=1000" # the CPU clock has no more samples than kernel ticks
assay="$ASSAY run --quiet --force -o run.assay --"

machine() {
	local model
	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	echo "$(date -u +%Y-%m-%d), ${model:-$(uname -m)}, $(getconf _NPROCESSORS_ONLN) cores, Linux $(uname -r)," \
		"timer tick $(tick) Hz, peers:${perf:+ perf $(perf --version | sed 's/.*version //')}${gperf:+ gperftools}"
}

# The kernel's timer tick, for the CPU timers fire on it.
tick() {
	local hz
	hz=$(zcat /proc/config.gz 2>/dev/null | sed -n 's/^CONFIG_HZ=//p')
	[ -n "$hz" ] || hz=$(sed -n 's/^CONFIG_HZ=//p' "/boot/config-$(uname -r)" 2>/dev/null)
	echo "${hz:-?}"
}

# ---- the table

# row NAME FIGURE AIM MEASURED VERDICT [PERF] [GPERFTOOLS]
row() { (IFS='|'; echo "$*") >>rows; }

# met VALUE AIM [LOW HIGH]: at most. With a question mark where the interval does not decide it.
met() {
	awk -v v="$1" -v a="$2" -v low="${3:-$1}" -v high="${4:-$1}" 'BEGIN {
		print (v + 0 <= a + 0 ? "met" : "MISSED") (low + 0 <= a + 0 && high + 0 > a + 0 ? "?" : "") }'
}

# field RESULTS NAME NUMBER
field() { awk -v n="$2" -v f="$3" '$1 == n { print $f }' "$1"; }

# ratio RESULTS NAME cpu|wall|whole_cpu|whole_wall, with its interval where there is one. Empty: not measured.
ratio() {
	awk -v n="$2" -v w="$3" '$1 != n { next }
		w == "wall" { printf "%.3f [%.3f %.3f]", $3, $4, $5 }
		w == "cpu" { printf "%.3f [%.3f %.3f]", $6, $7, $8 }
		w == "whole_wall" { printf "%.2f", $11 }
		w == "whole_cpu" { printf "%.2f", $12 }' "$1"
}

# compare NAME ROUNDS NAME=COMMAND...: interleaved runs into results.NAME and the raw figures
compare() {
	local name=$1 rounds=$2
	shift 2
	rm -f raw.new
	./compare run "$rounds" raw.new "$BUDGET" "$@" >"results.$name" || die "$name: cannot be measured"
	sed "s/^{/{\"bench\":\"$name\",/" raw.new >>raw
	awk '$NF > 0 { print "bench: " $1 ": " $NF " of its runs failed" }' "results.$name" >&2
}

# against NAME AIM ROUNDS COMMAND WHAT inner|whole: COMMAND bare, bare again (which shows the noise), under Assay and
# under its peers. inner: the program's own time, without what a profiler does before and after it.
against() {
	local name=$1 aim=$2 rounds=$3 command=$4 what=$5 results=results.$1 whole=$6
	local time="./compare time $command"
	local -a runs=("bare=$time" "again=$time" "assay=$assay $time")
	[ -n "$perf" ] && runs+=("perf=$perf $time")
	[ -n "$gperf" ] && runs+=("gperf=./compare time $gperf $command")
	say "$what"
	compare "$name" "$rounds" "${runs[@]}"
	local n; n=$(field "$results" assay 2)
	if [ "$whole" = whole ]; then
		row "$name" "$what, wall, x (${n} rounds)" "$aim" "$(field "$results" assay 11)" \
			"$(met "$(field "$results" assay 11)" "$aim")" "$(field "$results" perf 11)" "$(field "$results" gperf 11)"
		row "" "  CPU time, x" "$aim" "$(field "$results" assay 12)" "$(met "$(field "$results" assay 12)" "$aim")" \
			"$(field "$results" perf 12)" "$(field "$results" gperf 12)"
		return
	fi
	row "$name" "$what, CPU time, x (${n} rounds)" "$aim" "$(ratio "$results" assay cpu)" \
		"$(met "$(field "$results" assay 6)" "$aim" "$(field "$results" assay 7)" "$(field "$results" assay 8)")" \
		"$(ratio "$results" perf cpu)" "$(ratio "$results" gperf cpu)"
	row "" "  wall time, x" "$aim" "$(ratio "$results" assay wall)" \
		"$(met "$(field "$results" assay 3)" "$aim" "$(field "$results" assay 4)" "$(field "$results" assay 5)")" \
		"$(ratio "$results" perf wall)" "$(ratio "$results" gperf wall)"
	row "" "  bare against bare: CPU, wall" - "$(ratio "$results" again cpu), $(field "$results" again 3)" ""
	row "" "  with all before and after, CPU, x" - "$(ratio "$results" assay whole_cpu)" "" \
		"$(ratio "$results" perf whole_cpu)" "$(ratio "$results" gperf whole_cpu)"
}

# ---- the benchmarks

bench_overhead() {
	against overhead-c 1.01 "$ROUNDS" "./matmul 1024 blocked" "C, matmul" inner
	[ -n "$XZ" ] && against overhead-xz 1.01 "$ROUNDS" "$XZ -T1 -6 -k -c data" "xz" inner
	[ -n "$PYTHON" ] && against overhead-python 1.01 "$ROUNDS" "$PYTHON loop.py 1200" "python3, json" inner
	against overhead-threads 1.01 "$ROUNDS" "./paths 8 work 2500" "8 threads" inner
}

# Every thread's own CPU clock at its end against what the profile gives it.
bench_weight() {
	[ -n "$SQLITE" ] || { say "weight: needs sqlite3"; return; }
	say "delivered weight"
	$ASSAY run --quiet --force -o weight.assay -- ./paths 8 cpu 2 >clocks || die "weight: the run failed"
	$SQLITE weight.assay 'SELECT tid, cpu_ns, sampled_ns, unsampled_ns FROM thread WHERE NOT main' |
		tr '|' ' ' >threads.profile
	awk 'NR == FNR { clock[$1] = $2; next }
		$1 in clock { n++; c += clock[$1]; s += $3; t += $2
			d = ($3 / clock[$1] - 1) * 100; d = d < 0 ? -d : d; worst = d > worst ? d : worst
			d = ($2 / clock[$1] - 1) * 100; d = d < 0 ? -d : d; worst_cpu = d > worst_cpu ? d : worst_cpu }
		END { if (n) printf "%.3f %.3f %.3f %d\n", (s / c - 1) * 100, worst, worst_cpu, n }' \
		clocks threads.profile >weight
	[ -s weight ] || die "weight: the profile has none of the threads"
	local all worst cpu n
	read -r all worst cpu n <weight
	row weight "sampled weight - thread CPU clock, %, all $n threads" 0.5 "$all" "$(met "${all#-}" 0.5)"
	row "" "  the worst thread, %" 0.5 "$worst" "$(met "$worst" 0.5)"
	row "" "  profile's CPU time - its clock, worst thread, %" 0.5 "$cpu" "$(met "$cpu" 0.5)"
	echo "{\"bench\":\"weight\",\"all_percent\":$all,\"worst_percent\":$worst,\"cpu_worst_percent\":$cpu}" >>raw
}

size_of() { stat -c %s "$1" 2>/dev/null || echo 0; }

# The 8 threads use the CPU time of all cores for so many seconds, however long that takes on a busy machine.
bench_size() {
	local t=$SECONDS_LONG cores each once thrice data=
	cores=$(getconf _NPROCESSORS_ONLN)
	each=$(awk "BEGIN { print $t * $cores / 8 }")
	say "size of a profile: 8 threads for $t s on $cores cores, three times as long${perf:+, and under perf}"
	$ASSAY run --quiet --force -o once.assay -- ./paths 8 cpu "$each" >/dev/null || die "size: the run failed"
	$ASSAY run --quiet --force -o thrice.assay -- ./paths 8 cpu "$(awk "BEGIN { print 3 * $each }")" >/dev/null ||
		die "size: the run failed"
	[ -n "$perf" ] && $perf ./paths 8 cpu "$each" >/dev/null 2>&1 && data=$(size_of perf.data)
	once=$(size_of once.assay) thrice=$(size_of thrice.assay)
	if [ -n "$data" ]; then
		row size "profile of $t s x $cores cores, of perf.data's size" 0.1 \
			"$(awk "BEGIN { printf \"%.4f\", $once / $data }")" "$(met "$(awk "BEGIN { print $once / $data }")" 0.1)" 1
	fi
	row "" "  bytes" - "$once" "" "$data"
	row "" "  three times as long, x" 1.05 "$(awk "BEGIN { printf \"%.3f\", $thrice / $once }")" \
		"$(met "$(awk "BEGIN { print $thrice / $once }")" 1.05)"
	echo "{\"bench\":\"size\",\"seconds\":$t,\"assay\":$once,\"assay_3t\":$thrice,\"perf\":${data:-null}}" >>raw
}

bench_start() {
	say "assay run /bin/true"
	compare start 60 bare=/bin/true "quiet=$ASSAY run -q --force -o true.assay -- /bin/true" \
		"report=$ASSAY run --force -o true.assay -- /bin/true" ${perf:+"perf=$perf /bin/true"} ${gperf:+"gperf=$gperf /bin/true"}
	local bare perf_ms gperf_ms name
	bare=$(field results.start bare 9)
	more() { awk -v a="$(field results.start "$1" "$2")" -v b="$(field results.start bare "$2")" \
		'BEGIN { if (a != "") printf "%.1f", (a - b) * 1000 }'; }
	row start "assay run --no-report /bin/true, ms more (wall)" 50 "$(more quiet 9)" "$(met "$(more quiet 9)" 50)" \
		"$(more perf 9)" "$(more gperf 9)"
	row "" "  with the report" 50 "$(more report 9)" "$(met "$(more report 9)" 50)"
	row "" "  CPU time with the report" - "$(more report 10)" "" "$(more perf 10)" "$(more gperf 10)"
}

bench_report() {
	say "report of an 8-thread profile"
	[ -e once.assay ] || $ASSAY run --quiet --force -o once.assay -- ./paths 8 seconds "$SECONDS_LONG" >/dev/null
	compare report 40 "bare=/bin/true" "first=$ASSAY report once.assay" "all=$ASSAY report --all once.assay"
	row report "assay report, s (wall)" 0.3 "$(field results.report first 9)" "$(met "$(field results.report first 9)" 0.3)"
	row "" "  --all" - "$(field results.report all 9)" ""
}

bench_threads() {
	against threads-1 1.1 "$ROUNDS" "./threads 20000 1" "20,000 threads one by one" inner
	against threads-8 1.1 "$ROUNDS" "./threads 20000 8" "20,000 threads, 8 at a time" inner
}

bench_shell() {
	cat >true300 <<-'SHELL'
		i=0
		while [ $i -lt 300 ]; do /bin/true; i=$((i + 1)); done
	SHELL
	against shell 1.6 "$ROUNDS" "sh ./true300" "300 x /bin/true, digest included" whole
}

# cost_of FILE: samples and ns in handlers and wrappers
cost_of() { $SQLITE "$1" 'SELECT sum(samples), sum(self_ns) FROM thread' | tr '|' ' '; }

# walks NAME COMMAND: the walk up the stack against libunwind's, at the same samples of one run, in turns: see tests/oracle
walks() {
	local name=$1 command=$2 samples own lib medians means
	rm -f walks.*
	ASSAY_LIBRARY=$ORACLE.so ASSAY_ORACLE=walks $ASSAY run -q --force $fast_clock --unwinder=libunwind -o sample.assay \
		-- $command >/dev/null 2>&1
	"$ORACLE_READ" walks.* >figures 2>/dev/null || { say "walks of $name could not be compared"; return; }
	samples=$(field figures samples 2) own=$(field figures own_median_ns 2) lib=$(field figures lib_median_ns 2)
	medians=$(field figures ratio_median 2) means=$(field figures ratio_mean 2)
	row "walk-$name" "a walk in $name, of libunwind's time (medians of $samples)" 0.2 "$medians" "$(met "$medians" 0.2)"
	row "" "  means; µs: Assay's and libunwind's median" - \
		"$(awk "BEGIN { printf \"%.3f; %.1f and %.1f\", $means, $own / 1000, $lib / 1000 }")" ""
	echo "{\"bench\":\"walk-$name\",\"samples\":$samples,\"own_ns\":$own,\"libunwind_ns\":$lib,\"ratio_medians\":$medians,\"ratio_means\":$means}" >>raw
}

# sample NAME COMMAND SHORT_COMMAND, with each unwinder: what a sample costs, and the first one
sample() {
	local name=$1 long=$2 short=$3 unwinder
	for unwinder in own libunwind; do
		$ASSAY run -q --force -r $RATE --unwinder=$unwinder -o sample.assay -- $long >/dev/null 2>&1 || return
		cost_of sample.assay >cost.long
		: >cost.none; : >cost.one
		for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			$ASSAY run -q --force -r 1 --unwinder=$unwinder -o sample.assay -- $short >/dev/null 2>&1
			cost_of sample.assay | awk '$1 == 0' >>cost.none
			$ASSAY run -q --force -r 12 --unwinder=$unwinder -o sample.assay -- $short >/dev/null 2>&1
			cost_of sample.assay | awk '$1 == 1' >>cost.one
		done
		awk -v unwinder=$unwinder '
			function median(list, n,    i, j, t) {
				for (i = 2; i <= n; i++)
					for (j = i; j > 1 && list[j] < list[j - 1]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
				return n ? list[int((n + 1) / 2)] : 0
			}
			FILENAME == "cost.none" { none[++n] = $2 }
			FILENAME == "cost.one" { one[++o] = $2 }
			FILENAME == "cost.long" { samples = $1; ns = $2 }
			END {
				base = median(none, n)
				printf "%s %.1f %s %d %.0f\n", unwinder, samples ? (ns - base) / samples / 1000 : 0,
					n && o ? sprintf("%.3f", (median(one, o) - base) / 1e6) : "?", samples, base / 1000
			}' cost.none cost.one cost.long >>"cost.$name"
	done
	local own lib own_first lib_first samples start
	read -r _ own own_first samples start < <(grep ^own "cost.$name")
	read -r _ lib lib_first _ < <(grep ^libunwind "cost.$name")
	row "sample-$name" "a process's first sample, ms (median of 12)" 0.1 "$own_first" "$(met "$own_first" 0.1)" "" "" \
		"libunwind $lib_first"
	row "" "  a sample at $RATE Hz, system calls included, µs (mean of $samples)" - "$own" "" "" "" "libunwind $lib"
	row "" "  the set-up before all, µs" - "$start" ""
	echo "{\"bench\":\"sample-$name\",\"own_us\":$own,\"own_first_ms\":\"$own_first\",\"libunwind_us\":$lib,\"libunwind_first_ms\":\"$lib_first\",\"setup_us\":$start}" >>raw
}

bench_sample() {
	[ -n "$SQLITE" ] || { say "sample: needs sqlite3"; return; }
	say "cost of a sample"
	local programs=("c++|./words 1500|./words 150")
	[ -n "$XZ" ] && programs+=("xz|$XZ -T1 -6 -k -c data data data|$XZ -T1 -1 -k -c data")
	[ -n "$PYTHON" ] && programs+=("python|$PYTHON loop.py 2500|$PYTHON loop.py 160")
	local p name long short
	for p in "${programs[@]}"; do
		IFS='|' read -r name long short <<<"$p"
		if [ -e "$ORACLE.so" ] && [ -x "$ORACLE_READ" ]; then
			walks "$name" "$long"
		else
			say "walks: built without libunwind, nothing to compare with"
		fi
		sample "$name" "$long" "$short"
	done
}

# The handler's time against what the kernel takes to deliver a signal to a handler that does nothing.
bench_delivery() {
	[ -n "$SQLITE" ] || { say "delivery: needs sqlite3"; return; }
	say "delivery of a signal"
	local kind rate low median high n samples ns each
	for kind in "cpu $RATE" "perf 1000" "perf 5000"; do
		read -r kind rate <<<"$kind"
		read -r low median high n < <(./delivery $kind $rate 4) || { say "delivery: no $kind clock"; continue; }
		$ASSAY run -q --force --clock=$kind -r $rate -o delivery.assay -- ./delivery burn 4 >/dev/null 2>&1
		read -r samples ns < <(cost_of delivery.assay)
		each=$(awk "BEGIN { printf \"%.2f\", $ns / $samples / 1000 }")
		row "delivery" "the handler's time, of an empty one's delivery ($kind clock, $rate Hz)" 0.2 \
			"$(awk "BEGIN { if ($median > 0) printf \"%.2f\", $each / $median; else print \"?\" }")" \
			"$(awk "BEGIN { if ($median > 0) print $each / $median <= 0.2 ? \"met\" : \"MISSED\" }")"
		row "" "  µs: the handler (of $samples); delivery, median and quartiles (of $n)" - "$each; $median [$low $high]" ""
		echo "{\"bench\":\"delivery-$kind-$rate\",\"handler_us\":$each,\"delivery_us\":$median,\"low_us\":$low,\"high_us\":$high}" >>raw
	done
}

# A region's begin and end; beside them a function under uftrace, which keeps a record of each.
bench_regions() {
	say "regions"
	${CC:-cc} -O2 -I"$top_srcdir/include" -o pairs "$HERE/pairs.c" || die "pairs.c does not compile"
	local alone ours theirs= bytes=
	alone=$(./pairs)
	ours=$($ASSAY run -q --force -o pairs.assay -- ./pairs) || die "regions: the run failed"
	if command -v uftrace >/dev/null && ${CC:-cc} -O2 -pg -DFUNCTIONS -o pairs-pg "$HERE/pairs.c" 2>/dev/null; then
		theirs=$(uftrace record -d pairs.data ./pairs-pg 2>/dev/null | tail -n 1)
		bytes=$(du -sb pairs.data 2>/dev/null | awk '{ printf "%.1f", $1 / 2e6 }')
	fi
	${CC:-cc} -O2 -DFUNCTIONS -finstrument-functions -o pairs-functions "$HERE/pairs.c" || die "pairs.c does not compile"
	local functions tiny
	functions=$($ASSAY run -q --force --plugins=functions:often=0 -o pairs-functions.assay -- ./pairs-functions) || die "functions: the run failed"
	tiny=$($ASSAY run -q --force --plugins=functions -o pairs-functions.assay -- ./pairs-functions)
	row regions "a region, begin and end, ns" 60 "$ours" "$(met "$ours" 60)" "" "" "${theirs:+uftrace, a function: $theirs}"
	row "" "  data for each, bytes" 0 "$(awk "BEGIN { printf \"%.3f\", $(size_of pairs.assay) / 2e6 }")" "" "" "" "${bytes:+uftrace $bytes}"
	row "" "  without Assay, ns" - "$alone" ""
	row "" "  a function (-finstrument-functions), ns" 60 "$functions" "$(met "$functions" 60)"
	row "" "  ... once it is found to be tiny, ns" - "$tiny" ""
	echo "{\"bench\":\"regions\",\"pair_ns\":$ours,\"function_ns\":$functions,\"tiny_ns\":$tiny,\"alone_ns\":$alone,\"uftrace_ns\":${theirs:-null}}" >>raw
}

# eztrace MODULE: what runs a program under EZTrace, with one of its modules; nothing where there is none of that name.
eztrace() {
	[ -n "$EZTRACE" ] && eztrace_avail 2>/dev/null | grep -q "^$1[[:space:]]" && echo "$EZTRACE -t $1 -o eztrace.data"
}

# figures NAME COMMAND MODULE: COMMAND prints a figure of its own as its last line. Interleaved runs of it bare, bare again,
# under Assay and under EZTrace; in results.NAME the figure stands in place of the wall time.
figures() {
	local name=$1 command=$2 peer run
	local -a runs=()
	peer=$(eztrace "$3")
	for run in "bare=" "again=" "assay=$assay" ${peer:+"eztrace=$peer"}; do
		runs+=("${run%%=*}=f=\$(${run#*=} $command | tail -n 1); rm -rf eztrace.data; echo \$f \$f >\$BENCH_NOTE")
	done
	compare "$name" "$ROUNDS" "${runs[@]}"
}

# more NAME RUN: what its figure is more than the bare one's, with the interval that the ratio gives.
more_than_bare() {
	awk -v n="$2" '$1 == "bare" { bare = $9 }
		$1 == n { printf "%.1f [%.1f %.1f]", ($3 - 1) * bare, ($4 - 1) * bare, ($5 - 1) * bare }' "results.$1"
}

# extra NAME WHAT AIM COMMAND MODULE: what COMMAND's figure is more under Assay.
extra() {
	local name=$1 what=$2 aim=$3 assay_more peer_more low high value
	say "$what"
	figures "$name" "$4" "$5"
	assay_more=$(more_than_bare "$name" assay) peer_more=$(more_than_bare "$name" eztrace)
	read -r value low high <<<"${assay_more//[][]/}"
	row "$name" "$what, ns more" "$aim" "$assay_more" "$(met "$value" "$aim" "$low" "$high")" "" "" \
		"${peer_more:+EZTrace $peer_more}"
	row "" "  bare, ns; bare against bare, ns more" - "$(field "results.$name" bare 9); $(more_than_bare "$name" again)" ""
}

# measured_by PLUGIN: whether it is part of a run here; else what the bench is about would not be measured.
measured_by() {
	$ASSAY plugins 2>/dev/null | grep -A 2 "^$1:" | grep -q 'part of --plugins=auto' && return
	say "$1: no such plugin among those of --plugins=auto"
	return 1
}

bench_locks() {
	measured_by waits || return
	${CC:-cc} -O2 -g -pthread -o locks "$HERE/locks.c" || die "locks.c does not compile"
	extra lock-alone "a lock and an unlock, one thread" 5 "./locks alone" pthread
	extra lock-free "a lock and an unlock, free, of two threads" 5 "./locks free" pthread
	local steps
	for steps in 5000 100; do
		say "a lock that two threads want, held for $steps steps"
		figures lock-wanted-$steps "./locks wanted $steps" pthread
		local results=results.lock-wanted-$steps
		row lock-wanted "a lock that two threads want, held for $steps steps, wall time, x" 1.03 "$(ratio "$results" assay wall)" \
			"$(met "$(field "$results" assay 3)" 1.03 "$(field "$results" assay 4)" "$(field "$results" assay 5)")" "" "" \
			"$(f=$(ratio "$results" eztrace wall); echo "${f:+EZTrace $f}")"
		row "" "  bare against bare; bare, ns a turn" - "$(ratio "$results" again wall); $(field "$results" bare 9)" ""
	done
}

# An empty region of two threads, by gcc's runtime and by LLVM's; and a program that people use.
bench_openmp() {
	measured_by openmp || return
	export OMP_NUM_THREADS=2 OMP_WAIT_POLICY=active
	if gcc -O2 -g -fopenmp -o teams-gcc "$HERE/teams.c" 2>/dev/null; then
		extra gomp-region "an empty region of two threads, gcc's OpenMP" 200 ./teams-gcc openmp
	else
		say "openmp: gcc has no OpenMP"
	fi
	if clang -O2 -g -fopenmp -o teams-clang "$HERE/teams.c" 2>/dev/null; then
		extra ompt-region "an empty region of two threads, LLVM's OpenMP" 200 ./teams-clang ompt
	else
		say "openmp: clang has no OpenMP (Debian: libomp-dev)"
	fi
	unset OMP_NUM_THREADS OMP_WAIT_POLICY
	if command -v gm >/dev/null; then
		gm convert -size 1200x1200 plasma:red-blue picture.miff || die "gm makes no picture"
		against overhead-openmp 1.02 "$ROUNDS" "gm convert picture.miff -blur 0x8 -sharpen 0x3 -resize 60% null:" \
			"OpenMP, GraphicsMagick" inner
	else
		say "openmp: no GraphicsMagick (Debian: graphicsmagick)"
	fi
}

# Calls that a process makes to itself: what they take more is all ours, or EZTrace's.
bench_mpi() {
	measured_by mpi || return
	mpicc.openmpi -O2 -g -o mpi "$HERE/mpi.c" 2>/dev/null || { say "mpi: no Open MPI (Debian: libopenmpi-dev)"; return; }
	extra mpi-probe "MPI_Iprobe to itself" 40 "./mpi probe" openmpi
	extra mpi-exchange "MPI_Sendrecv to itself" 40 "./mpi exchange" openmpi
	extra mpi-overlap "MPI_Irecv, MPI_Send and MPI_Wait to itself" 120 "./mpi overlap" openmpi
}

# ---- the table's printing

print_table() {
	{
		echo "bench|figure|aim|Assay||perf|gperftools|beside"
		cat rows
	} | awk -F'|' '
		{ lines = NR; for (i = 1; i <= 8; i++) { cell[NR, i] = $i; n = length($i); width[i] = n > width[i] ? n : width[i] } }
		END { for (l = 1; l <= lines; l++) { line = ""
			for (i = 1; i <= 8; i++) if (width[i]) line = line sprintf("%-" width[i] "s  ", cell[l, i])
			sub(/ +$/, "", line); print line } }'
}

build
for bench in $WANTED; do
	case " $BENCHES " in
	*" $bench "*) "bench_$bench" ;;
	*) die "no benchmark $bench: there are $BENCHES" ;;
	esac
done
machine
echo "Ratios to the bare program: median over rounds of interleaved runs, [95 % bootstrap interval of the median];" \
	"a question mark: the interval holds both sides of the aim."
print_table
if [ -n "${BENCH_JSON:-}" ]; then
	{ echo "{\"machine\":\"$(machine)\"}"; cat raw; } >"$BENCH_JSON"
fi
