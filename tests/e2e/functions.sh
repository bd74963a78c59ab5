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
same "functions: a recursion whose ends are its last acts" "$(calls functions walk)" 155
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
losses() { ask "$1" "SELECT coalesce(sum(count), 0) FROM loss WHERE kind = 'regions'"; }
unmeasured() { ask "$1" "SELECT coalesce(sum(amount), 0) FROM measured WHERE metric = 'unmeasured' AND name IN ('$2', '$2(int)')"; }

# Filters by name: static functions too, which no dynamic symbol table has.
both skip --plugins=functions:skip=small*+walk -- ./functions
same "skip: those are not measured, the others are" "$(calls skip small) $(calls skip walk) $(calls skip fib) $(calls skip caller)" '0 0 21891 10'
both only --plugins=functions:only=fib+in_*:skip=in_child -- ./functions
same "only: those are measured, the others are not" \
	"$(calls only fib) $(calls only in_thread) $(calls only in_child) $(calls only small) $(calls only main)" '21891 2000 0 0 0'
same "only: nothing is out of order" "$(losses only)" 0
strip -o stripped functions
both stripped --plugins=functions:only=fib -- ./stripped
same "stripped: without names, nothing has one of these" "$(ask stripped "SELECT count(*) FROM measured WHERE metric = 'calls'")" 0

# A limit of depth: main is the first.
both depth --plugins=functions:depth=2 -- ./functions
same "depth: what main calls is measured, what that calls is not" \
	"$(calls depth fib) $(calls depth caller) $(calls depth small) $(calls depth walk) $(calls depth in_thread)" '1 10 0 5 2000'
same "depth: a jump, and main in a child that calls _exit; nothing else is wrong" "$(losses depth)" 2

# Tiny functions: so many calls from one place are measured, and the rest counted.
both tiny --plugins=functions:often=1000:tiny=1s -- ./functions
same "tiny: 1024 calls of a small one are measured" "$(calls tiny small)" 1024
same "tiny: ... and the rest counted" "$(unmeasured tiny small)" 8976
same "tiny: a recursion is counted in full" "$(($(calls tiny fib) + $(unmeasured tiny fib | cut -d. -f1)))" 21891
holds "tiny: ... not all of it measured" "$(calls tiny fib) < 21891"
same "tiny: those that are called less often are measured" "$(calls tiny caller) $(calls tiny in_thread) $(unmeasured tiny in_thread)" '10 2000 0'
check "tiny: the report says so" grep -q '^unmeasured: ' <("$ASSAY" report tiny.assay)
both never --plugins=functions:often=0 -- ./functions
same "never: no function is too tiny" "$(calls never small) $(unmeasured never small)" '10000 0'
both slow --plugins=functions:often=16:tiny=0ns -- ./functions
same "slow: none that takes longer is" "$(calls slow small) $(unmeasured slow small)" '10000 0'

# Names of C++, and of libraries.
cat >shapes.cc <<'C'
namespace shapes {
class circle { public: __attribute__((noinline)) int area(int r) { return 3 * r * r; } };
template <typename T> __attribute__((noinline)) T twice(T x) { return 2 * x; }
}
namespace { __attribute__((noinline)) int hidden(int n) { return n + 1; } }
extern "C" int in_library(int n);
int main()
{
	shapes::circle c;
	int sum = 0;
	for (int i = 0; i < 10; i++)
		sum += c.area(i) + shapes::twice<int>(i) + hidden(i) + in_library(i);
	return sum == 0;
}
C
echo 'int in_library(int n) { return n - 1; }' >library.c
$CC -O1 -shared -fPIC -finstrument-functions -o libown2.so library.c &&
	$CXX -O1 -finstrument-functions -o shapes shapes.cc ./libown2.so "-Wl,-rpath,$work" || exit 1
names() { ask "$1" "SELECT name || ' ' || times FROM measured WHERE metric = 'calls' ORDER BY name" | tr '\n' ';'; }
both shapes --plugins=functions:only=shapes??*:skip=*circle* -- ./shapes
like "shapes: by namespace, but not that class" "$(names shapes)" '*twice* 10;'
both library --plugins=functions:only-in=libown2* -- ./shapes
same "library: only that one's" "$(names library)" 'in_library 10;'
both not-library --plugins=functions:skip-in=libown2*:skip=main -- ./shapes
like "not-library: all but that one's" "$(names not-library)" '*hidden* 10;*twice* 10;*area* 10;'

under wrong --plugins=functions:often=many -- ./functions
same "wrong: what an option says makes no sense: the program runs" "$(cat wrong.status) $(ask wrong "SELECT count(*) FROM measured")" '0 0'
check "wrong: ... and that is said" grep -q 'functions: depth= and often= are numbers' wrong.err
same "wrong: ... in the profile too" "$(ask wrong "SELECT DISTINCT name FROM plugin WHERE left_out IS NOT NULL")" functions

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
