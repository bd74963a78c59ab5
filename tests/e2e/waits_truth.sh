#!/usr/bin/env bash
# Planted waits: samples/waits against their own clocks. Every wait has its kind, its object, its call path and its length;
# who had the lock is known; and all that is left of a thread's time is known to be computing or waiting for a core.
. "$top_srcdir/tests/e2e/lib.sh"
. "$top_srcdir/tests/e2e/truth.sh"
samples=$top_builddir/samples/waits

# same_answer NAME OTHER: the improved form finds it too.
same_answer() { check "$2: the answer is that of $1" cmp "$1.out" "$2.out"; }

convoy_slow()
{
	local t f
	for t in writer-0 writer-1 reader-0 reader-1; do
		f=look
		[ "${t%-*}" = reader ] || f=enter_slow
		near "$t waits for table_lock in $f" "$(below "$1" $t waits mutex table_lock $f)" \
			"$(truth "$1" $t waited-for-lock)" "$(truth "$1" $t waited-for-lock times)"
		near "$t has it in $f while others wait" "$(below "$1" $t held % % $f)" \
			"$(truth "$1" $t had-it-while-others-waited)" "$(truth "$1" $t had-it-while-others-waited times)"
	done
	near 'main waits for threads' "$(below "$1" main waits join %)" "$(truth "$1" main waited-for-threads)" 4
}

convoy_improved()
{
	local t
	for t in writer-0 writer-1 reader-0 reader-1; do
		near "$t waits for table_lock" "$(below "$1" $t waits mutex table_lock)" \
			"$(truth "$1" $t waited-for-lock)" "$(truth "$1" $t waited-for-lock times)"
	done
	near 'main waits for threads' "$(below "$1" main waits join %)" "$(truth "$1" main waited-for-threads)" 4
}

pipeline_slow()
{
	near 'the producer waits in queue_put' "$(below "$1" producer waits condition queue_not_full queue_put)" \
		"$(truth "$1" producer waited-queue-full)" "$(truth "$1" producer waited-queue-full times)"
	near 'the consumer waits in queue_get' "$(below "$1" consumer-0 waits condition queue_not_empty queue_get)" \
		"$(truth "$1" consumer-0 waited-queue-empty)" "$(truth "$1" consumer-0 waited-queue-empty times)"
}

pipeline_improved()
{
	local t
	pipeline_slow "$1"
	for t in consumer-1 consumer-2; do
		near "$t waits in queue_get" "$(below "$1" $t waits condition queue_not_empty queue_get)" \
			"$(truth "$1" $t waited-queue-empty)" "$(truth "$1" $t waited-queue-empty times)"
	done
}

sleeper_slow()
{
	near 'the collector sleeps' "$(below "$1" collector waits sleep nanosleep)" \
		"$(truth "$1" collector slept)" "$(truth "$1" collector slept times)"
	near 'the collector waits for a result' "$(below "$1" collector waits semaphore slot_filled)" \
		"$(truth "$1" collector waited-for-result)" "$(truth "$1" collector waited-for-result times)"
	near 'the computer waits for room' "$(below "$1" computer waits semaphore slot_free)" \
		"$(truth "$1" computer waited-for-room)" "$(truth "$1" computer waited-for-room times)"
	near 'the reader waits for data from a pipe, in next_result' "$(below "$1" reader waits read pipe next_result)" \
		"$(truth "$1" reader waited-for-data)" "$(truth "$1" reader waited-for-data times)"
}

for sample in convoy pipeline sleeper; do
	for form in slow improved; do
		name=$sample-$form
		bare "$name" "$samples/$sample" $form
		before=$(stolen)
		under "$name" -- "$samples/$sample" $form --truth
		compare=${sample}_$form
		declare -F "$compare" >/dev/null || compare=${sample}_slow
		judge "$name" "$compare" "$before"
		check "$name: the answer is that of the bare run" cmp "$name.bare.out" "$name.out"
	done
	same_answer $sample-slow $sample-improved
done
holds 'convoy: next to nothing else is waited for but the lock and the threads' \
	"$(ask convoy-slow "SELECT coalesce(sum(waited_s), 0) FROM waits WHERE object <> 'table_lock' AND what <> 'join'") < \
	0.01 * $(ask convoy-slow 'SELECT sum(waited_s) FROM waits')"
same 'convoy: so says the report: for what, and where' \
	"$(report convoy-slow "sorted({(w['kind'], w['what'], w['where']) for w in r['waits']['waits'] if w['waited_s'] > 0.02})")" \
	"[('join', 'pthread_join', 'main'), ('mutex', 'table_lock', 'lock_table, in enter_slow'), ('mutex', 'table_lock', 'lock_table, in look')]"
same 'convoy: ... who held them up, and where' \
	"$(report convoy-slow "[(h['kind'], h['what'], h['held_by'][:6], h['held_in'], h['waited_in'][:10]) for h in r['waits']['held_up']][0]")" \
	"('mutex', 'table_lock', 'writer', 'unlock_table, in enter_slow', 'lock_table')"
holds 'convoy: enter_slow is to blame, look is not' \
	"$(ask convoy-slow "SELECT coalesce(sum(v.sum), 0) FROM value v JOIN metric k ON k.id = v.metric AND k.name = 'held'
		JOIN node n ON n.id = v.node JOIN node a ON a.id <= n.id AND n.id <= a.last
		JOIN function g ON g.id = a.function AND g.name = 'enter_slow'") > \
	0.9 * $(ask convoy-slow "SELECT coalesce(sum(v.sum), 1) FROM value v JOIN metric k ON k.id = v.metric AND k.name = 'held'")"

# Killed while threads wait: what they wait for, and for how long by then, is there.
compile killed.c
under killed -- ./killed
same 'killed: it was' "$(cat killed.status)" 137
same 'killed: so says the profile' "$(ask killed "SELECT value FROM run WHERE key = 'exit_signal'")" 9
while read -r thread what object ns; do
	got=$(below killed "$thread" waits "$what" "$object")
	# to the kill, and not to when the launcher saw it: what comes between is the machine's
	holds "killed: $thread waited ($what $object), $(awk "BEGIN { print $ns / 1e9 }") s by its own clock ($got ns)" \
		"$got > 0.99 * $ns - 1e6 && $got < 1.01 * $ns + 5e7 && $ns > 2e8"
done <killed.out
same 'killed: four threads waited' "$(wc -l <killed.out)" 4
finish
