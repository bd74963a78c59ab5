#!/usr/bin/env bash
# The generator of interposers, build-aux/interpose.awk: what it makes of a table and a template compiles and does what
# the table says; what is wrong in either is an error with file and line, and nothing that looks like a result.
. "$top_srcdir/tests/e2e/lib.sh"
awk=${AWK:-awk}
generator=$top_srcdir/build-aux/interpose.awk

cat >good.in <<'END'
#include <stdio.h>
@@# what is behind
@@for *
@RETURN@ @NAME@(@PARAMETERS@);
@@end
@@for NUMBER NOTHING
@RETURN@ my_@NAME@(@PARAMETERS@);
@RETURN@ my_@NAME@(@PARAMETERS@)
{
@?WHAT@	printf("@WHAT@ ");
@!NONE@	printf("@NAME@ of @CLASS@, %d\n" @COMMA_ARGUMENTS@);
@?NONE@	printf("@NAME@ of @CLASS@, @HOW:no more@\n");
@!VOID@	return @NAME@(@ARGUMENTS@);
@?VOID@	@NAME@(@ARGUMENTS@);
}
@@end
@@for CALLED
@RETURN@ my_@NAME@(@PARAMETERS@) { return @RESULT@; } /* @LINE@ */
@@end
int line_of_this = __LINE__;
END
cat >good.tab <<'END'
# functions

int | twice | int a | NUMBER | what=1 || 2
void | nothing | void | NOTHING | how=with \
	words
void | nothing_else | | NOTHING |
long | call | char *const list[], int (*f)(int, \
	char *), struct thing *t, ... | CALLED | result=f(t->n, list[1])
END
cat >main.c <<'END'
#include <stdio.h>
struct thing { int n; };
#include "out.c"
int twice(int a) { return 2 * a; }
void nothing(void) { puts("nothing"); }
void nothing_else(void) { puts("nothing else"); }
static int f(int n, char *text) { return n + text[0]; }
int main(void)
{
	char a[] = "a", b[] = "b", *list[] = { a, b };
	struct thing t = { 1 };
	printf("%d\n", my_twice(21));
	my_nothing();
	my_nothing_else();
	printf("%ld\n", my_call(list, f, &t));
	printf("%d\n", line_of_this);
	return 0;
}
END
for one in "$awk" mawk gawk; do
	command -v "${one%% *}" >/dev/null || continue
	$one -f "$generator" good.in good.tab >out.c
	same "$one: a good table" $? 0
	check "$one: the result compiles" $CC -Wall -Werror -Wno-unused -o main main.c
	same "$one: and does what the table says" "$(./main)" '1 || 2 twice of NUMBER, 21
42
nothing of NOTHING, with words
nothing
nothing_else of NOTHING, no more
nothing else
99
20'
	like "$one: rows know where they are from" "$(grep my_call out.c)" '*good.tab:7*'
done
sed 's/return @RESULT@/return @RESULT@ +/' good.in >broken.in
$awk -f "$generator" broken.in good.tab >out.c
like "the compiler's errors name the template's line" "$($CC -c -o main.o main.c 2>&1)" '*broken.in:18:*error*'

# wrong WHERE WORDS: the table on standard input is refused; the message begins with WHERE and has WORDS.
wrong()
{
	local said status
	cat >bad.tab
	said=$($awk -f "$generator" good.in bad.tab 2>&1 >bad.c)
	status=$?
	like "refused: $2" "$status $said" "1 $1: *$2*"
}
wrong bad.tab:2 'no part for class `STRANGE`' <<'END'
int | f | int a | NUMBER
int | g | int a | STRANGE
END
wrong bad.tab:1 'needs result=' <<<'int | f | int a | CALLED'
wrong bad.tab:1 'does not use colour=' <<<'int | f | int a | NUMBER | colour=red'
wrong bad.tab:1 'what= is there already' <<<'int | f | int a | NUMBER | what=1 | what=2'
wrong bad.tab:1 'neither empty nor KEY=VALUE' <<<'int | f | int a | NUMBER | what'
wrong bad.tab:1 'not `return type' <<<'int | f | int a'
wrong bad.tab:1 'no name of a function' <<<'int | 2f | int a | NUMBER'
wrong bad.tab:1 'without a name: int' <<<'int | f | int | NUMBER'
wrong bad.tab:1 'without a name: unsigned int' <<<'int | f | unsigned int | NUMBER'
wrong bad.tab:1 'without a name: char *' <<<'int | f | int a, char * | NUMBER'
wrong bad.tab:1 'unbalanced' <<<'int | f | int (*a)(int | NUMBER'
wrong bad.tab:1 'unbalanced' <<<'int | f | int a), int b | NUMBER'
wrong bad.tab:3 'f is there already, in line 1' <<'END'
int | f | int a | NUMBER

int | f | int b | NUMBER
END
wrong bad.tab:1 'the row goes on' <<<'int | f | int a \'
wrong bad.tab:0 'no rows' <<<'# nothing'

# bad_template WHERE WORDS
bad_template()
{
	local said status
	cat >bad.in
	said=$($awk -f "$generator" bad.in good.tab 2>&1 >bad.c)
	status=$?
	like "refused: $2" "$status $said" "1 $1: *$2*"
}
bad_template bad.in:1 '@@for without @@end' <<<'@@for A'
bad_template bad.in:1 '@@end without @@for' <<<'@@end'
bad_template bad.in:2 '@@for within @@for' <<<'@@for A
@@for B'
bad_template bad.in:1 'neither @@for' <<<'@@fro A'
$awk -f "$generator" good.in >bad.c 2>bad.err
same 'refused: no table' $? 1
finish
