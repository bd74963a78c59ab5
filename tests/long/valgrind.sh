#!/usr/bin/env bash
# The core's unit tests under valgrind's memcheck: what runs outside handlers, and what handlers call in ordinary life.
# (test_unwind steps by the processor's trap flag, which valgrind does not have; test_cfi reads memory that is none on
# purpose.)
. "${top_srcdir:?}/tests/long/inner.sh"

if ! command -v valgrind >/dev/null; then
	result 1 'valgrind is installed'
	echo '# on Debian: apt-get install valgrind'
	finish
	exit
fi

memcheck=(valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite)

# clean NAME STATUS WANTED: it ended so, and valgrind had nothing to say.
clean() { [ "$2" = "$3" ] && [ -z "$(cat "$1".*.valgrind)" ]; }

for test in $(unit_tests core); do
	case $test in unit/test_unwind | unit/test_cfi) continue ;; esac
	name=$(basename "$test")
	step "$test is built" make -C "$top_builddir/tests" "$test"
	CMOCKA_MESSAGE_OUTPUT=TAP "${memcheck[@]}" --log-file="$name.%p.valgrind" "$top_builddir/tests/$test" >"$name.out" 2>&1
	clean "$name" $? 0
	result $? "$test: no error and no leak ($(grep -c '^ok' "$name.out") tests)" ||
		{ grep -A5 '^not ok' "$name.out"; cat "$name".*.valgrind; } | remark
done

# Programs that are measured there: start-up, threads, forks, execs and ends of the core itself.
programs=$top_srcdir/tests/e2e/programs
for name in processes account; do
	step "$name is built" "$CC" -O2 -g -o $name "$programs/$name.c" -pthread
done
for command in 'processes return' 'processes fork' 'processes vfork' 'processes spawn' 'processes system' 'processes chain' \
	'processes double' 'processes threads_fork' 'processes thread_exit' 'processes quick_exit' 'account relay'; do
	name=${command// /-}
	wanted=3
	[ "$command" != 'account relay' ] || wanted=0
	# shellcheck disable=SC2086
	ASSAY_LIBRARY=$top_builddir/core/.libs/libassay.so timeout 600 "$top_builddir/viewer/assay" run -q -o "$name.assay" \
		"${memcheck[@]}" --trace-children=yes --log-file="$name.%p.valgrind" ./$command >"$name.out" 2>&1
	clean "$name" $? $wanted
	result $? "$command: no error in the core, and no leak" || { cat "$name.out" "$name".*.valgrind; } | remark
	[ "$(sqlite3 -readonly "$name.assay" 'SELECT sum(samples) > 0 FROM thread')" = 1 ]
	result $? "$command: it was measured there"
done
finish
