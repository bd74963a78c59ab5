#!/usr/bin/env bash
# Programs built with -finstrument-functions: every call is counted, with its time and in its place.
. "$top_srcdir/tests/e2e/lib.sh"

# calls NAME FUNCTION [IN]: how often it was called; from there only.
calls()
{
	ask "$1" "SELECT coalesce(sum(m.times), 0) FROM measured m JOIN node n ON n.id = m.node JOIN node p ON p.id = n.parent
		JOIN function f ON f.id = p.function WHERE m.metric = 'calls' AND m.name IN ('$2', '$2(int)')
		${3:+AND f.name IN ('$3', '$3(int)')}"
}

compile functions.c -finstrument-functions
both functions --plugins=functions -- ./functions
same "functions: a recursion of 21,891 calls" "$(calls functions fib)" 21891
same "functions: 21,890 of them from itself" "$(calls functions fib fib)" 21890
same "functions: 10,000 calls of a small one, all from one" "$(calls functions small) $(calls functions small caller)" '10000 10000'
same "functions: in four threads 4 x 500" "$(calls functions in_thread)" 2000
same "functions: what a jump left" "$(ask functions "SELECT sum(count) FROM loss WHERE kind = 'regions' AND reason LIKE 'left open%'")" 1
same "functions: in a forked child" "$(calls functions in_child)" 7
same "functions: they have a place" "$(ask functions "SELECT DISTINCT fi.path IS NOT NULL AND f.line > 0 FROM measured m
	JOIN node n ON n.id = m.node JOIN function f ON f.id = n.function LEFT JOIN file fi ON fi.id = f.file
	WHERE m.metric = 'calls' AND m.name LIKE 'fib%'")" 1
# main is open from begin to end, so all time lies in it: what it took with all inside is nearly the thread's life
holds "functions: all time of the first thread lies in main" "$(ask functions "SELECT max(t.inclusive) FROM total t
	JOIN node n ON n.id = t.node JOIN function f ON f.id = n.function JOIN metric k ON k.id = t.metric
	WHERE k.name = 'calls' AND f.name = 'main'") > 0.5 * $(ask functions "SELECT wall_ns - startup_ns FROM thread WHERE main
	ORDER BY wall_ns DESC LIMIT 1")"
both functions-off -- ./functions
same "functions: not measured unless asked for" "$(ask functions-off "SELECT count(*) FROM metric WHERE name = 'calls'")" 0

# A library of the user's own that has what the compiler calls goes on getting it.
cat >own.c <<'C'
#include <stdio.h>
static long enters, exits;
__attribute__((no_instrument_function)) void __cyg_profile_func_enter(void *function, void *site) { (void)function; (void)site; enters++; }
__attribute__((no_instrument_function)) void __cyg_profile_func_exit(void *function, void *site) { (void)function; (void)site; exits++; }
__attribute__((no_instrument_function, destructor)) static void say(void) { printf("%ld %ld\n", enters, exits); }
C
cat >user.c <<'C'
static int twice(int n) { return 2 * n; }
int main(void) { return twice(21) - 42; }
C
$CC -O0 -shared -fPIC -o libown.so own.c && $CC -O0 -finstrument-functions -o user user.c ./libown.so "-Wl,-rpath,$work" || exit 1
both user --plugins=functions -- ./user
same "user: its own library sees every call" "$(cat user.out)" '2 2'
same "user: and so does Assay" "$(calls user twice)" 1
finish
