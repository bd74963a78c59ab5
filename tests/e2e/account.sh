#!/usr/bin/env bash
# The account in thread-seconds: wall = CPU + waiting for a core + waiting, for programs whose waits are known, judged by
# identities, by ratios, and by what the program read of itself from the kernel just before its threads ended.
. "$top_srcdir/tests/e2e/lib.sh"

# thread PROFILE NAME COLUMN
thread() { ask "$1" "SELECT $3 FROM thread WHERE name = '$2'"; }
# kernel PROFILE NAME FIELD: 2 is the CPU time, 3 the run-queue delay.
kernel() { awk -v name="$2" -v field="$3" '$1 == name { print $field }' "$1.out"; }

# as_kernel RUN THREAD: the two agree, but for what came after the program's reading (2 % or 3 ms).
as_kernel()
{
	holds "$1: the CPU time of $2 is what the kernel says" \
		"($(thread "$1" "$2" cpu_ns) - $(kernel "$1" "$2" 2))^2 < (0.02 * $(kernel "$1" "$2" 2) + 3e6)^2"
	holds "$1: the time that $2 waited for a core is what the kernel says" \
		"($(thread "$1" "$2" core_wait_ns) - $(kernel "$1" "$2" 3))^2 < (0.02 * $(kernel "$1" "$2" 3) + 5e6)^2"
}

compile account.c

under relay -- ./account relay
same 'relay: it ran' "$(cat relay.status)" 0
check 'relay: the identities hold in each thread' identity relay
same 'relay: two threads, named' "$(ask relay 'SELECT group_concat(name, " ") FROM (SELECT name FROM thread ORDER BY name)')" \
	'account worker'
holds 'relay: the worker has four times the CPU time of main' \
	"$(thread relay worker cpu_ns) / $(thread relay account cpu_ns) > 3 && $(thread relay worker cpu_ns) / $(thread relay account cpu_ns) < 5"
holds 'relay: main waits while the worker finishes' \
	"$(thread relay account wait_ns) > 0.9 * ($(thread relay worker wall_ns) - $(thread relay account cpu_ns) - $(thread relay account core_wait_ns))"
holds 'relay: the worker waits for nothing but a core' "$(thread relay worker wait_ns) < 0.05 * $(thread relay worker wall_ns)"
holds "relay: main lives as long as the run" \
	"$(thread relay account wall_ns) > 0.9 * $(ask relay "SELECT value FROM run WHERE key = 'wall_ns'") && $(thread relay account wall_ns) <= $(ask relay "SELECT value FROM run WHERE key = 'wall_ns'")"
as_kernel relay worker

under crowded -- ./account crowded
same 'crowded: it ran' "$(cat crowded.status)" 0
check 'crowded: the identities hold in each thread' identity crowded
for name in left right; do
	holds "crowded: $name has a core for half of its time at most" \
		"$(thread crowded $name cpu_ns) < 0.6 * $(thread crowded $name wall_ns) && $(thread crowded $name cpu_ns) > 0"
	holds "crowded: $name waits for a core in the rest" \
		"$(thread crowded $name core_wait_ns) > 0.35 * $(thread crowded $name wall_ns)"
	holds "crowded: $name waits for nothing else" "$(thread crowded $name wait_ns) < 0.05 * $(thread crowded $name wall_ns)"
	as_kernel crowded $name
done
holds 'crowded: the account view is the sum of the threads' \
	"$(ask crowded 'SELECT remainder_s = 0 AND abs(wall_s - cpu_s - core_wait_s - unlocated_wait_s) < 1e-6 FROM account')"
finish
