#!/usr/bin/env bash
# The account in thread-seconds: wall = CPU + waiting for a core + waiting, for programs whose waits are known, judged by
# identities, by ratios, and by what the program read of itself from the kernel just before its threads ended.
. "$top_srcdir/tests/e2e/lib.sh"

# thread PROFILE NAME COLUMN
thread() { ask "$1" "SELECT $3 FROM thread WHERE name = '$2'"; }
# kernel PROFILE NAME FIELD: 2 is the CPU time, 3 the run-queue delay, 4 the wall time.
kernel() { awk -v name="$2" -v field="$3" '$1 == name { print $field }' "$1.out"; }

# around RUN THREAD: wall time of the thread that the program's reading does not have: before it began, and after.
around() { echo $(($(thread "$1" "$2" wall_ns) - $(kernel "$1" "$2" 4))); }

# as_kernel RUN THREAD: the two agree, but for what came around the program's reading (CPU time: 2 % or 3 ms).
as_kernel()
{
	holds "$1: the CPU time of $2 is what the kernel says" \
		"($(thread "$1" "$2" cpu_ns) - $(kernel "$1" "$2" 2))^2 < (0.02 * $(kernel "$1" "$2" 2) + 3e6)^2"
	holds "$1: the time that $2 waited for a core is what the kernel says" \
		"$(thread "$1" "$2" core_wait_ns) > 0.98 * $(kernel "$1" "$2" 3) - 1e6 &&
		$(thread "$1" "$2" core_wait_ns) < 1.02 * $(kernel "$1" "$2" 3) + 1e6 + $(around "$1" "$2")"
}

# waits_for_nothing RUN THREAD: no more than the kernel's own clocks are apart. (Where a host takes the core away, it is
# in none of them.)
waits_for_nothing()
{
	local wall apart
	wall=$(kernel "$1" "$2" 4)
	apart=$((wall - $(kernel "$1" "$2" 2) - $(kernel "$1" "$2" 3)))
	holds "$1: $2 waits for nothing but a core" \
		"$(thread "$1" "$2" "located_ns + wait_ns") < 1.02 * $apart + 1e6 + $(around "$1" "$2") && $(around "$1" "$2") + $apart < 0.5 * $wall"
}

compile account.c

under relay -- ./account relay
same 'relay: it ran' "$(cat relay.status)" 0
check 'relay: the identities hold in each thread' identity relay
same 'relay: two threads, named' "$(ask relay 'SELECT group_concat(name, " ") FROM (SELECT name FROM thread ORDER BY name)')" \
	'account worker'
holds 'relay: the worker has four times the CPU time of main, as far as the machine has one speed' \
	"$(thread relay worker cpu_ns) / $(thread relay account cpu_ns) > 2 && $(thread relay worker cpu_ns) / $(thread relay account cpu_ns) < 8"
as_kernel relay account
holds 'relay: main waits while the worker finishes' \
	"$(thread relay account "located_ns + wait_ns") > 0.9 * ($(thread relay worker wall_ns) - $(thread relay account cpu_ns) - $(thread relay account core_wait_ns))"
waits_for_nothing relay worker
holds "relay: main lives from its beginning to the run's end" \
	"$(thread relay account wall_ns) > 0.98 * $(kernel relay account 4) - 3e6 && $(thread relay account wall_ns) <= $(ask relay "SELECT value FROM run WHERE key = 'wall_ns'")"
as_kernel relay worker

under crowded -- ./account crowded
same 'crowded: it ran' "$(cat crowded.status)" 0
check 'crowded: the identities hold in each thread' identity crowded
for name in left right; do
	# the other of the two has the core for as long, and this one waits
	holds "crowded: $name waits for a core while the other has it" \
		"$(thread crowded $name core_wait_ns) > 0.7 * $(thread crowded $name cpu_ns) && $(thread crowded $name cpu_ns) > 0"
	waits_for_nothing crowded $name
	as_kernel crowded $name
done
holds 'crowded: the account view is the sum of the threads' \
	"$(ask crowded 'SELECT remainder_s = 0 AND abs(wall_s - cpu_s - core_wait_s - located_wait_s - unlocated_wait_s) < 1e-6 FROM account')"
# ---- handlers that jump ----

compile gives_up.c
too_few_in_compute() { [ "$(ask "$1" "SELECT coalesce(sum(v.sum), 0) < 3e8 FROM value v JOIN metric k ON k.id = v.metric AND k.name = 'cpu'
	JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function WHERE f.name = 'compute'")" = 1 ]; }
both gives_up -- ./gives_up
again_while_too_few too_few_in_compute gives_up
holds 'jumps out of calls that may wait, out of Assay too: the thread is sampled as ever' "$(share_of gives_up compute) + 0 > 0 && $(
	ask gives_up "SELECT sum(v.sum) FROM value v JOIN metric k ON k.id = v.metric AND k.name = 'cpu'
	JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function WHERE f.name = 'compute'") > 0.4 * 0.5e9"
check '... and its account closes' identity gives_up
finish
