#!/usr/bin/env bash
# Programs that are marked for other tools: NVTX, ITT, LIKWID. Debian has packages of the last only, so the first two are
# tried with stand-ins for what they link into a program (programs/*_standin.h). NVTX_INCLUDE, ITT_SOURCE: folders of the
# real ones, tried too where they are given.
. "$top_srcdir/tests/e2e/lib.sh"

# amount NAME METRIC FRAME COLUMN: over all threads and places.
amount() { ask "$1" "SELECT coalesce(sum($4), 0) FROM measured WHERE metric = '$2' AND name = '$3'"; }
not_open() { ask "$1" "SELECT coalesce(sum(count), 0) FROM loss WHERE kind = 'regions' AND reason LIKE 'closed where%'"; }

# whole NAME LINES: against NAME.own, the program's own account.
whole()
{
	local name=$1 kind times ns what got
	while read -r kind times ns what; do
		same "$name: $what was there $times times" "$(amount "$name" "${kind}s" "$what" times)" "$times"
		got=$(amount "$name" "${kind}s" "$what" amount)
		holds "$name: $kind $what took $(awk "BEGIN { print $ns / 1e9 }") s ($got in the profile)" \
			"$got > 0.99 * $ns / 1e9 - 0.002 && $got < 1.01 * $ns / 1e9 + 0.002 + $times * 0.0005"
	done <"$name.own"
	same "$name: lines of its own" "$(wc -l <"$name.own")" "$2"
	same "$name: no sample outside lies in a region" "$(ask "$name" "SELECT count(*) FROM node r JOIN node n ON n.id > r.id
		AND n.id <= r.last JOIN function f ON f.id = n.function WHERE r.kind = 'region' AND f.name = 'outside'")" 0
	same "$name: nothing else was wrong with regions" "$(ask "$name" "SELECT count(*) FROM loss
		WHERE kind = 'regions' AND reason NOT LIKE 'closed where%'")" 0
	same "$name: the plugin's own code is not shown" "$(ask "$name" "SELECT count(*) FROM node n
		JOIN function f ON f.id = n.function JOIN module m ON m.id = f.module WHERE m.name IN ('regions.so', 'libassay.so')")" 0
}

# in_region NAME REGION FUNCTION: how much of a function's CPU time lies in a region.
in_region()
{
	ask "$1" "SELECT 1.0 * sum(CASE WHEN EXISTS (SELECT 1 FROM node r JOIN function rf ON rf.id = r.function
		WHERE r.kind = 'region' AND rf.name = '$2' AND r.id < n.id AND n.id <= r.last) THEN t.inclusive ELSE 0 END)
		/ sum(t.inclusive) FROM node n JOIN function f ON f.id = n.function JOIN total t ON t.node = n.id AND t.metric = 0
		WHERE f.name = '$3'"
}
few() { [ -z "$(in_region "$1" outer in_outer)" ]; }
few_tasks() { [ -z "$(in_region "$1" 'library: outer' in_outer)" ]; }

nvtx()
{
	local name=$1
	both "$name" -- "./$name" "$name.own"
	again_while_too_few few "$name"
	whole "$name" 5
	holds "$name: samples lie in a range that a function pushed and left" "$(in_region "$name" outer in_outer) > 0.99"
	same "$name: samples have their functions below it" "$(ask "$name" "SELECT DISTINCT f.name FROM node r
		JOIN function rf ON rf.id = r.function JOIN node n ON n.parent = r.id JOIN function f ON f.id = n.function
		JOIN total t ON t.node = n.id AND t.metric = 0 AND t.inclusive > 0 WHERE r.kind = 'region' AND rf.name = 'outer'
		AND n.kind <> 'region'")" main
	same "$name: marks" "$(ask "$name" "SELECT m.name, pf.name, m.amount FROM measured m JOIN node n ON n.id = m.node
		JOIN node p ON p.id = n.parent JOIN function pf ON pf.id = p.function WHERE m.metric = 'messages' ORDER BY 1")" \
		$'a mark|innér €|5\nlibrary: registered|other stack|1'
	same "$name: two that were not open" "$(not_open "$name")" 2
	same "$name: ranges without a name are there" "$(amount "$name" regions '(no name)' times) $(amount "$name" regions 'library: (no name)' times)" '1 2'
	same "$name: a range that is never ended counts to the end" "$(amount "$name" ranges 'never ended' times)" 1
}

itt()
{
	local name=$1
	both "$name" -- "./$name" "$name.own"
	again_while_too_few few_tasks "$name"
	whole "$name" 4
	holds "$name: samples lie in a task" "$(in_region "$name" 'library: outer' in_outer) > 0.99"
	same "$name: markers and counters" "$(ask "$name" "SELECT metric, name, sum(amount) FROM measured
		WHERE metric IN ('messages', 'counters') GROUP BY 1, 2 ORDER BY 1")" $'counters|library: outer|42\nmessages|other: inner|5'
	same "$name: two that were not open" "$(not_open "$name")" 2
}

likwid()
{
	local name=$1
	both "$name" -- "./$name" "$name.own"
	again_while_too_few few "$name"
	whole "$name" 2
	holds "$name: samples lie in a region" "$(in_region "$name" outer in_outer) > 0.99"
	same "$name: one that was not open" "$(not_open "$name")" 1
}

compile markers.c -DNVTX
mv markers nvtx
nvtx nvtx
both nvtx-none --plugins=none -- ./nvtx nvtx-none.own
same "nvtx: nothing without the plugin" "$(ask nvtx-none 'SELECT count(*) FROM metric')" 1
compile markers.c -DITT
mv markers itt
itt itt

# A tool of the user's own stays his.
cat >tool.c <<'C'
#include <stdio.h>
int InitializeInjectionNvtx2(const void *(*get)(unsigned id)) { return get(1) && puts("the user's own tool") > 0; }
C
$CC -shared -fPIC -o tool.so tool.c || exit 1
NVTX_INJECTION64_PATH=$work/tool.so both nvtx-own -- ./nvtx nvtx-own.own
check "nvtx: a tool that the user names is loaded" grep -q "the user's own tool" nvtx-own.out
same "nvtx: ... and Assay's is not" "$(ask nvtx-own "SELECT count(*) FROM measured WHERE metric IN ('regions', 'ranges')")" 0

# A library in LIKWID's place, to see what it is told.
cat >liblikwid.c <<'C'
#include <stdio.h>
int likwid_markerStartRegion(const char *name) { printf("start %s\n", name); return 100; }
int likwid_markerStopRegion(const char *name) { printf("stop %s\n", name); return 10; }
C
$CC -shared -fPIC -o libstandin.so liblikwid.c || exit 1
compile markers.c -DLIKWID ./libstandin.so "-Wl,-rpath,$work"
mv markers likwid
likwid likwid
same "likwid: it is told of all, and what it returns arrives" "$(tr '\n' ' ' <likwid.out)" \
	"start outer start inner stop outer stop inner stop not open what LIKWID returns: 230 none in the environment "

if echo 'int main(void) { return 0; }' | $CC -x c -o probe - -llikwid 2>/dev/null; then
	compile markers.c -DLIKWID -llikwid
	mv markers likwid-real
	likwid likwid-real
else
	skip "likwid-real" "liblikwid is not installed"
fi
if [ -n "${NVTX_INCLUDE:-}" ]; then
	compile markers.c -DNVTX -DREAL "-I$NVTX_INCLUDE" -ldl
	mv markers nvtx-real
	nvtx nvtx-real
fi
if [ -n "${ITT_SOURCE:-}" ]; then
	compile markers.c -DITT -DREAL "-I$ITT_SOURCE/include" "-I$ITT_SOURCE/src/ittnotify" "$ITT_SOURCE/src/ittnotify/ittnotify_static.c" -ldl
	mv markers itt-real
	itt itt-real
fi
finish
