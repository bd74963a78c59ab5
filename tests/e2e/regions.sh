#!/usr/bin/env bash
# Regions that a program marks by assay/region.h: their exact times and counts against the program's own clocks, samples
# in the right ones, and what was not opened and closed in pairs.
. "$top_srcdir/tests/e2e/lib.sh"
header=-I$top_srcdir/include

# times NAME REGION: how often it was open, over all threads and wherever it lay.
times() { ask "$1" "SELECT coalesce(sum(times), 0) FROM measured WHERE metric = 'regions' AND name = '$2'"; }
# seconds NAME REGION: its exact time, without the regions inside it.
seconds() { ask "$1" "SELECT coalesce(sum(amount), 0) FROM measured WHERE metric = 'regions' AND name = '$2'"; }
# sampled NAME REGION FUNCTION: samples' CPU seconds in a function called, at any distance, inside a region.
sampled()
{
	ask "$1" "SELECT coalesce(sum(t.exclusive), 0) / 1e9 FROM node r JOIN function rf ON rf.id = r.function
		JOIN node n ON n.id > r.id AND n.id <= r.last JOIN function f ON f.id = n.function
		JOIN total t ON t.node = n.id AND t.metric = 0
		WHERE r.kind = 'region' AND rf.name = '$2' AND f.name IN ('$3', '$3(int)')"
}
losses() { ask "$1" "SELECT coalesce(sum(count), 0) FROM loss WHERE kind = 'regions' AND reason LIKE '$2%'"; }

# whole NAME: against NAME.own, the program's own account.
whole()
{
	local name=$1 region count wall cpu got at
	while read -r region count wall cpu; do
		same "$name: $region was open $count times" "$(times "$name" "$region")" "$count"
		got=$(seconds "$name" "$region")
		# the program's clock is inside solve's region but for its first reading, and around the others': 1 % and 2 ms
		holds "$name: $region took $(awk "BEGIN { print $wall / 1e9 }") s ($got in the profile)" \
			"$got > 0.99 * $wall / 1e9 - 0.002 && $got < 1.01 * $wall / 1e9 + 0.002 + $count * 0.0005"
		at=in_$region
		got=$(sampled "$name" "$region" "$at")
		holds "$name: its samples lie in it: $(awk "BEGIN { print $cpu / 1e9 }") s of CPU time in $at() ($got in the profile)" \
			"$got > 0.6 * $cpu / 1e9 - 0.04 && $got < 1.1 * $cpu / 1e9 + 0.04"
	done <"$name.own"
	same "$name: no sample outside lies in a region" "$(ask "$name" "SELECT count(*) FROM node r JOIN node n ON n.id > r.id
		AND n.id <= r.last JOIN function f ON f.id = n.function WHERE r.kind = 'region' AND f.name LIKE 'outside%'")" 0
	same "$name: a recursion of 50" "$(times "$name" recursion)" 50
	same "$name: ... counted by the program too" \
		"$(ask "$name" "SELECT amount FROM measured WHERE metric = 'counters' AND name = 'calls'")" 50
	same "$name: what it says, ten times in one region and once in none" "$(ask "$name" "SELECT coalesce(pf.name, ''), m.amount
		FROM measured m JOIN node n ON n.id = m.node JOIN node p ON p.id = n.parent LEFT JOIN function pf ON pf.id = p.function
		AND p.kind = 'region' WHERE m.metric = 'messages' AND m.name = 'solved' ORDER BY 2")" $'|1\nsolve|10'
	same "$name: exceptions close what they leave" "$(times "$name" odd) $(times "$name" even)" '15 15'
	same "$name: names made while it runs" "$(times "$name" 'named 0') $(times "$name" 'named 1')" '3 2'
	same "$name: a jump and a return left two open" "$(losses "$name" 'left open')" 2
	same "$name: ... which count until then" "$(times "$name" 'jumped out of') $(times "$name" forgotten)" '1 1'
	same "$name: three ends too many" "$(losses "$name" 'closed where')" 3
	same "$name: of 200 regions in each other 128 are kept, and 72 said to be too many" \
		"$(times "$name" deep) $(losses "$name" 'opened inside')" '128 72'
	same "$name: a region goes on in a forked child" \
		"$(ask "$name" "SELECT count(DISTINCT t.process) FROM value v JOIN thread t ON t.id = v.thread
			JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function WHERE f.name = 'forked' AND v.metric <> 0")" 2
	same "$name: a region lies in another as the program has it" "$(ask "$name" "SELECT DISTINCT pf.name FROM measured m
		JOIN node n ON n.id = m.node JOIN node p ON p.id = n.parent JOIN function pf ON pf.id = p.function
		WHERE m.name = 'step' AND m.metric = 'regions'")" solve
	same "$name: the plugin's own code is not shown" "$(ask "$name" "SELECT count(*) FROM node n
		JOIN function f ON f.id = n.function JOIN module m ON m.id = f.module WHERE m.name IN ('regions.so', 'libassay.so')")" 0
}

# too_few NAME: whether a function has less than half of its CPU time.
too_few()
{
	local region count wall cpu
	while read -r region count wall cpu; do
		awk "BEGIN { exit !($(sampled "$1" "$region" "in_$region") < 0.6 * $cpu / 1e9 - 0.04) }" && return
	done <"$1.own"
	return 1
}

# share_in_both NAME: of the samples in in_step, how many lie in the regions step and solve
share_in_both()
{
	ask "$1" "SELECT 1.0 * sum(CASE WHEN EXISTS (SELECT 1 FROM node r JOIN function rf ON rf.id = r.function
			WHERE r.kind = 'region' AND rf.name = 'step' AND r.id < n.id AND n.id <= r.last)
		AND EXISTS (SELECT 1 FROM node r JOIN function rf ON rf.id = r.function
			WHERE r.kind = 'region' AND rf.name = 'solve' AND r.id < n.id AND n.id <= r.last)
		THEN t.inclusive ELSE 0 END) / sum(t.inclusive) FROM node n JOIN function f ON f.id = n.function
		JOIN total t ON t.node = n.id AND t.metric = 0 WHERE f.name = 'in_step'"
}
few_in_fortran() { awk "BEGIN { exit !($(share_in_both "$1") + 0 <= 0) }"; }

compile regions.cc "$header"
both regions -- ./regions regions.own
again_while_too_few too_few regions
whole regions
check "the report shows them" grep -q '^regions: ' <("$ASSAY" report regions.assay)
check "... and says that some were not in pairs" grep -q 'not opened and closed in pairs' <("$ASSAY" report regions.assay)

# Nothing is inlined here but what the header wants to be.
mv regions regions.fast
compile regions.cc "$header" -O0
mv regions unoptimised
both unoptimised -- ./unoptimised unoptimised.own
again_while_too_few too_few unoptimised
whole unoptimised

mv regions.fast regions
both without --plugins=none -- ./regions without.own
same "without plugins there is nothing of them" "$(ask without 'SELECT count(*) FROM metric'; ask without 'SELECT count(*) FROM plugin')" $'1\n0'

# From a folder whose name has all that a list of plugins has: what is loaded on demand is told by its path.
place="$work/me@home, 50%:3a"
mkdir -p "$place/bin" "$place/lib/assay/plugins"
cp "$ASSAY" "$place/bin/assay"
cp -L "${ASSAY_LIBRARY:-$top_builddir/core/.libs/libassay.so}" "$place/lib/assay/libassay.so"
cp -L "$top_builddir/plugins/.libs/regions.so" "$place/lib/assay/plugins/"
(unset ASSAY_LIBRARY; ASSAY=$place/bin/assay; under moved -- ./regions moved.own)
same "from a folder with an odd name: regions are measured, the plugin's own code is not shown" \
	"$(times moved solve) $(ask moved "SELECT count(*) FROM node n JOIN function f ON f.id = n.function
		JOIN module m ON m.id = f.module WHERE m.name = 'regions.so'")" '10 0'

# Regions that never end: killed in them, and left by exit() while another thread is in one.
compile open_regions.c "$header"
for how in killed exit; do
	both "$how" -- ./open_regions "$how" "$how.own"
	while read -r region wall; do
		got=$(seconds "$how" "$region")
		holds "$how: $region was open for $(awk "BEGIN { print $wall / 1e9 }") s ($got in the profile), once" \
			"$got > 0.99 * $wall / 1e9 - 0.002 && $got < 1.01 * $wall / 1e9 + 0.03 && $(times "$how" "$region") == 1"
	done <"$how.own"
	same "$how: three lines of its own" "$(wc -l <"$how.own")" 3
	same "$how: that they were open is said" "$(losses "$how" 'still open')" 3
	same "$how: nothing else was wrong" "$(ask "$how" "SELECT count(*) FROM loss WHERE kind = 'regions' AND reason NOT LIKE 'still open%'")" 0
done

# How much of a run was instrumentation: what the program used for its regions, by its own clock.
compile many_regions.c "$header"
instrument() { ask "$1" "SELECT instrument_s FROM account"; }
both many -- ./many_regions many.own all
read -r begins works count <many.own
same "many: each is counted" "$(times many pair)" "$count"
# a begin and an end are little but Assay's code; with some 100 samples in them, a quarter is five times the error
holds "many: $(awk "BEGIN { print $begins / 1e9 }") s of CPU time went into regions ($(instrument many) in the profile)" \
	"$(instrument many) > 0.65 * $begins / 1e9 && $(instrument many) < 1.1 * $begins / 1e9 + 0.05"
check "many: the report says so" grep -q "code of Assay's that the program called" <("$ASSAY" report many.assay)
both few -- ./many_regions few.own
holds "few: of a run without regions hardly any was ($(instrument few))" "$(instrument few) < 0.02"

# Fortran: a module that is compiled with the program.
if command -v gfortran >/dev/null; then
	for optimised in -O0 -O2; do
		name=fortran$optimised
		check "$name: gfortran compiles the module without a warning" gfortran $optimised -fno-inline -g -std=f2018 -Wall -Wextra \
			-Werror -c -o assay_region.o "$top_srcdir/include/assay/assay_region.f90"
		gfortran $optimised -fno-inline -g -o "$name" "$programs/regions.f90" assay_region.o || exit 1
		both "$name" -- "./$name" "$name.own"
		again_while_too_few few_in_fortran "$name"
		while read -r region count wall _; do
			got=$(seconds "$name" "$region")
			same "$name: $region was open $count times" "$(times "$name" "$region")" "$count"
			holds "$name: $region took $(awk "BEGIN { print $wall / 1e9 }") s ($got in the profile)" \
				"$got > 0.99 * $wall / 1e9 - 0.002 && $got < 1.01 * $wall / 1e9 + 0.002 + $count * 0.0005"
		done <"$name.own"
		same "$name: two lines of its own" "$(wc -l <"$name.own")" 2
		holds "$name: samples of in_step lie in step, in solve: $(share_in_both "$name") of 1" "$(share_in_both "$name") > 0.97"
		same "$name: a region lies above the procedure that begins it" "$(ask "$name" "SELECT DISTINCT f.name FROM node r
			JOIN function rf ON rf.id = r.function JOIN node n ON n.parent = r.id JOIN function f ON f.id = n.function
			JOIN total t ON t.node = n.id AND t.metric = 0 WHERE r.kind = 'region' AND rf.name = 'step' AND n.kind <> 'region'")" step
		same "$name: a recursion of 20" "$(times "$name" recursion)" 20
		same "$name: what it counts and says" "$(ask "$name" "SELECT metric, name, sum(amount) FROM measured
			WHERE metric IN ('counters', 'messages') GROUP BY 1, 2")" $'counters|steps|90\nmessages|solved|10'
		same "$name: one left open, one end too many, no more" "$(losses "$name" 'left open') $(losses "$name" 'closed where') $(losses "$name" '')" '1 1 2'
	done
else
	skip "Fortran" "there is no gfortran"
fi

# C, by a compiler that warns of all it can.
cat >plain.c <<'C'
#include <assay/region.h>
#include <stdio.h>

static int count(int n)
{
	ASSAY_REGION("count");
	assay_counter_add("n", n);
	return n;
}

int main(void)
{
	int sum = 0;

	for (int i = 0; i < 1000; i++)
		sum += count(i);
	printf("%d\n", sum);
	return 0;
}
C
for compiler in "$CC" clang; do
	name=plain-${compiler%% *}
	check "$compiler compiles the header without a warning" $compiler -std=gnu11 -O2 -Wall -Wextra -Wshadow -Wpointer-arith \
		-Wstrict-prototypes -Werror "$header" -o "$name" plain.c
	both "$name" -- "./$name"
	same "$name: 1000 regions, and what was counted" "$(times "$name" count) $(ask "$name" "SELECT amount, times FROM measured
		WHERE metric = 'counters'")" '1000 499500|1000'
done
finish
