#!/usr/bin/env bash
# What is wrong with samples/openmp, and by how much, against the samples' own clocks: for gcc's runtime and LLVM's, with
# threads that keep their cores busy while they wait and threads that sleep.
. "$top_srcdir/tests/e2e/lib.sh"
. "$top_srcdir/tests/e2e/truth.sh"
export OMP_NUM_THREADS=2
unset OMP_WAIT_POLICY GOMP_SPINCOUNT KMP_BLOCKTIME OMP_DYNAMIC OMP_SCHEDULE OMP_PROC_BIND

# The names that threads have in the samples' truth: the team's thread 0 is main, and there is one other.
of_thread()
{
	case $2 in
	main | thread-0) ask "$1" 'SELECT id FROM thread WHERE main' ;;
	thread-1) ask "$1" 'SELECT id FROM thread WHERE NOT main' ;;
	esac
}

# team NAME METRIC FUNCTION [count]: what a metric has, over all threads, at regions that FUNCTION opens, ns; how often.
team()
{
	ask "$1" "SELECT sum(v.${4:-sum}) FROM value v JOIN metric k ON k.id = v.metric AND k.name = '$2'
		JOIN node n ON n.id = v.node AND n.kind = 'omp parallel'
		WHERE EXISTS (SELECT 1 FROM node a JOIN function g ON g.id = a.function
			WHERE g.name = '$3' AND a.id < n.id AND n.id <= a.last)"
}

# work NAME THREAD FUNCTION: the thread's own part in regions that FUNCTION opens.
work() { below "$1" "$2" omp_work 'omp parallel' % "$3"; }

stencil_static() { stencil "$1" sweep_static; }
stencil_dynamic() { stencil "$1" sweep_dynamic; }
stencil()
{
	local t sweeps longest mean
	sweeps=$(truth "$1" team sweeps)
	longest=$(truth "$1" team longest) mean=$(truth "$1" team mean)
	near 'the regions took' "$(team "$1" omp_region "$2")" "$sweeps" "$(truth "$1" team sweeps times)"
	for t in thread-0 thread-1; do
		near "$t worked" "$(work "$1" $t "$2")" "$(truth "$1" $t worked)" "$(truth "$1" $t worked times)"
	done
	near 'the longest worked' "$(team "$1" omp_longest "$2")" "$longest" "$(truth "$1" team longest times)"
	near 'the load imbalance, of 1e9' \
		"$(report "$1" "[round(g['imbalance_percent'] * 1e7) for g in r['parallel']['regions'] if '$2' in g['region']][0]")" \
		"$(awk "BEGIN { printf \"%.0f\", ($longest / $mean - 1) * 1e9 }")" 2000
	# Assay's own work at a region's end is between the clocks, and what others take of that: 1 % of the sweeps. (Waits too
	# short for a call path are not below the function.)
	for t in thread-0 thread-1; do
		near "$t waits at the end" "$(below "$1" $t omp_waits 'omp barrier' %)" \
			"$(truth "$1" $t waited)" $((4 * $(truth "$1" $t waited times) + sweeps / 100000))
	done
}

# one_tree NAME OPENER FUNCTION...: all of the team's samples in these functions lie below the one that opened the region,
# and most of the team's computing was sampled.
one_tree()
{
	local name=$1 opener=$2 list
	shift 2
	list=$(printf "'%s'," "$@")
	same "$name: each sample of $* lies below $opener, whichever thread it is of" "$(ask "$name" "SELECT count(*) > 0,
		sum(NOT EXISTS (SELECT 1 FROM node a JOIN function g ON g.id = a.function
			WHERE g.name = '$opener' AND a.id < n.id AND n.id <= a.last))
		FROM value v JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function
		WHERE v.metric = 0 AND v.count > 0 AND f.name IN (${list%,})")" '1|0'
	same "$name: both threads have samples there" "$(ask "$name" "SELECT count(DISTINCT v.thread) FROM value v
		JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function
		WHERE v.metric = 0 AND v.count > 0 AND f.name IN (${list%,})")" 2
}

# spins NAME PROGRAM: thread 0 has a quarter of the cells and thread 1 the rest, so they compute 1 to 3, though both are busy
# all the time. By the perf clock: on a crowded machine a thread's turns begin with the kernel's ticks, and these find what
# it does at the end of its turns.
spins()
{
	local ratio refused
	refused=$(perf_refused)
	if [ -n "$refused" ]; then
		skip "$1: to wait is not to compute" "$refused"
		return
	fi
	under "$1" --clock=perf --rate=1000 -- "$2" slow
	ratio=$(ask "$1" "SELECT (SELECT 1.0 * cpu_ns - spin_ns FROM thread WHERE main) /
		(SELECT cpu_ns - spin_ns FROM thread WHERE NOT main)")
	holds "$1: to wait is not to compute, and to compute is not to wait ($ratio)" "$ratio > 0.25 && $ratio < 0.42"
}

# region_is NAME FUNCTION FILE: a region is called by function, file and line.
region_is()
{
	like "$1: the region is called by function and line" "$(ask "$1" "SELECT group_concat(DISTINCT f.name) FROM node n
		JOIN function f ON f.id = n.function WHERE n.kind = 'omp parallel'")" "*$2*$3:[0-9]*"
}

critical_slow()
{
	local t section=%total%
	# LLVM's runtime tells a tool where a critical section is, and not what it is called.
	[[ $1 != *clang* ]] || section=%critical.c:%
	near 'the region took' "$(team "$1" omp_region add_up_critical)" "$(truth "$1" team loop)" 1
	for t in thread-0 thread-1; do
		near "$t waits for the critical section" "$(below "$1" $t omp_waits 'omp critical' "$section")" \
			"$(truth "$1" $t waited)" "$(truth "$1" $t waited times)"
		near "$t is in the critical section" "$(below "$1" $t critical 'omp critical' "$section")" \
			"$(truth "$1" $t inside)" "$(truth "$1" $t inside times)"
		near "$t worked, without that wait" "$(work "$1" $t add_up_critical)" \
			"$(($(truth "$1" $t in-loop) - $(truth "$1" $t waited)))" "$(truth "$1" $t waited times)"
	done
}

critical_improved()
{
	near 'the region took' "$(team "$1" omp_region add_up_reduction)" "$(truth "$1" team loop)" 1
	near 'nothing waits for a critical section' "$(below "$1" thread-0 omp_waits 'omp critical' %)" 0 1
	near 'thread-0 worked' "$(work "$1" thread-0 add_up_reduction)" "$(truth "$1" thread-0 in-loop)" 1
	near 'thread-1 worked' "$(work "$1" thread-1 add_up_reduction)" "$(truth "$1" thread-1 in-loop)" 1
}

# The serial part is what main lived for without the regions: the table, and its start.
serial_slow() { serial "$1" slow; }
serial()
{
	local t wall serial work=0
	near 'the regions took' "$(team "$1" omp_region compute)" "$(truth "$1" team computed)" "$(truth "$1" team computed times)"
	for t in thread-0 thread-1; do
		near "$t worked" "$(work "$1" $t compute)" "$(truth "$1" $t worked)" "$(truth "$1" $t worked times)"
		work=$((work + $(truth "$1" $t worked)))
	done
	wall=$(ask "$1" 'SELECT wall_ns FROM thread WHERE main')
	serial=$((wall - $(truth "$1" team computed)))
	[ "$2" = slow ] || return
	near 'the serial part' "$(report "$1" "round(r['parallel']['outside_s'] * 1e9)")" $serial \
		$((4 * $(truth "$1" team computed times)))
	near 'the ceiling, of 1e9' "$(report "$1" "round(r['parallel']['amdahl_ceiling'] * 1e9)")" \
		"$(awk "BEGIN { printf \"%.0f\", ($serial + $work) / $serial * 1e9 }")"
}

serial_improved()
{
	serial "$1" improved
	near 'those that make the table took' "$(team "$1" omp_region make_parallel)" "$(truth "$1" team made)" \
		"$(truth "$1" team made times)"
}

sharing_slow() { sharing "$1" count_packed; }
sharing_improved() { sharing "$1" count_padded; }
sharing()
{
	local t
	near 'the region took' "$(team "$1" omp_region "$2")" "$(truth "$1" team counted)" 1
	for t in thread-0 thread-1; do
		near "$t worked" "$(work "$1" $t "$2")" "$(truth "$1" $t worked)" 1
	done
}

# run NAME PROGRAM FORM COMPARE
run()
{
	local before
	before=$(stolen)
	under "$1" -- "$2" "$3" --truth
	judge "$1" "$4" "$before"
	check "$1: the answer is that of the bare run" cmp "${2##*/}.bare.out" "$1.out"
}

# build COMPILER SAMPLE FLAGS...: makes ./SAMPLE-COMPILER
build()
{
	local compiler=$1 sample=$2
	shift 2
	$compiler -O2 -g "$@" -o "$sample-$compiler" "$top_srcdir/samples/openmp/$sample.c" -fopenmp >"cc.log" 2>&1 && return
	echo "Bail out! $compiler does not compile $sample.c: $(head -n 3 cc.log | tr '\n' ' ')"
	exit 1
}

for compiler in gcc clang; do
	for sample in stencil critical serial sharing; do
		build $compiler $sample
		bare $sample-$compiler ./$sample-$compiler slow
	done
	for policy in active passive; do
		export OMP_WAIT_POLICY=$policy
		tag=$compiler-$policy

		run stencil-$tag-slow ./stencil-$compiler slow stencil_static
		name=stencil-$tag-slow
		region_is $name sweep_static stencil.c
		same "$name: the region was opened 200 times" "$(team $name omp_region sweep_static count)" 200
		one_tree $name sweep_static new_row settle
		[ $policy = passive ] || spins spins-$compiler ./stencil-$compiler
		run stencil-$tag-improved ./stencil-$compiler improved stencil_dynamic
		one_tree stencil-$tag-improved sweep_dynamic new_row settle

		run critical-$tag-slow ./critical-$compiler slow critical_slow
		region_is critical-$tag-slow add_up_critical critical.c
		one_tree critical-$tag-slow add_up_critical work
		run critical-$tag-improved ./critical-$compiler improved critical_improved

		run serial-$tag-slow ./serial-$compiler slow serial_slow
		region_is serial-$tag-slow compute serial.c
		run serial-$tag-improved ./serial-$compiler improved serial_improved
		holds "serial-$tag-improved: hardly anything is serial any more" \
			"$(report serial-$tag-improved "r['parallel']['outside_s']") < 0.25 * $(report serial-$tag-slow "r['parallel']['outside_s']")"
	done
	unset OMP_WAIT_POLICY

	# Killed inside a region: its time by then is there, what was computed in it, and who waited for what.
	$compiler -O2 -g -fopenmp -o region_killed-$compiler "$programs/region_killed.c" >cc.log 2>&1 || echo "Bail out! $(head -n 3 cc.log)"
	name=killed-$compiler
	under $name -- ./region_killed-$compiler
	same "$name: it was" "$(cat $name.status)" 137
	read -r open waited cpu <$name.out
	got=$(team $name omp_region opens_region)
	holds "$name: the region was open for $(awk "BEGIN { print $open / 1e9 }") s by then ($got ns)" \
		"$got > 0.99 * $open && $got < 1.01 * $open + 5e7"
	got=$(below $name thread-1 omp_waits 'omp barrier' '%region_killed.c:%')
	holds "$name: thread-1 waited at a barrier for $(awk "BEGIN { print $waited / 1e9 }") s ($got ns)" \
		"$got > 0.99 * $waited && $got < 1.01 * $waited + 5e7"
	got=$(below $name thread-0 cpu % in_region opens_region)
	holds "$name: thread-0 computed for $(awk "BEGIN { print $cpu / 1e9 }") s of CPU time ($got ns)" \
		"$got > 0.6 * $cpu - 4e7 && $got < 1.1 * $cpu + 4e7"

	for form in slow improved; do
		run sharing-$compiler-$form ./sharing-$compiler $form sharing_$form
	done
done
finish
