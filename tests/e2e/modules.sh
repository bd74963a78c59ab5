#!/usr/bin/env bash
# Libraries that are opened and closed while the program runs: their functions are found by name, after dlclose too, and
# a library is not taken for another that had its addresses before.
. "$top_srcdir/tests/e2e/lib.sh"
compile modules.c
for name in first second third; do
	$CC -O2 -g -shared -fPIC -DNAME=$name -o lib$name.so "$programs/module.c" || exit 1
done

# time_in PROFILE FUNCTION: ms of CPU time in it and what it calls.
time_in()
{
	ask "$1" "SELECT coalesce(round(sum(CASE WHEN n.outer_function THEN t.inclusive END) / 1e6), 0) FROM total t
		JOIN node n ON n.id = t.node JOIN function f ON f.id = n.function JOIN module m ON m.id = f.module
		WHERE f.name = '$2' AND m.name = 'lib$2.so'"
}

# too_few PROFILE MS FUNCTION...: whether one of them has not half of that.
too_few()
{
	local name=$1 ms=$2 one got
	shift 2
	for one in "$@"; do
		got=$(time_in "$name" "$one")
		[ "${got%.*}" -gt $((ms / 2 - 10)) ] || return 0
	done
	return 1
}

# in_modules PROFILE COUNT: each library's function has the time that it burnt, or nearly (60 ms are for a crowded machine).
in_modules()
{
	local name got
	for name in first second third; do
		got=$(time_in "$1" $name)
		holds "$1: $name burnt $2 ms in lib$name.so ($got ms found)" "$got > $2 / 2 - 10 && $got < $2 * 1.1 + 40"
	done
}

both kept -- ./modules -k ./libfirst.so ./libsecond.so ./libthird.so
again_while_too_few too_few kept 100 first second third
in_modules kept 100

under closed -- ./modules ./libfirst.so ./libsecond.so ./libthird.so
again_while_too_few too_few closed 100 first second third
same 'closed: it ran' "$(cat closed.status)" 0
in_modules closed 100
if [ "$(sort -u closed.out | wc -l)" -lt 3 ]; then
	result 0 'closed: one library had the addresses of another'
else
	skip 'closed: one library had the addresses of another' 'the loader gave each its own'
fi
same 'closed: each one was unloaded' "$(ask closed "SELECT count(*) FROM load l JOIN module m ON m.id = l.module
	WHERE m.name IN ('libfirst.so', 'libsecond.so', 'libthird.so') AND l.unloaded_ns > l.loaded_ns")" 3

# Again and again, in turn.
under turns -- ./modules ./libfirst.so ./libsecond.so ./libthird.so ./libfirst.so ./libsecond.so ./libthird.so
again_while_too_few too_few turns 200 first second third
same 'turns: it ran' "$(cat turns.status)" 0
in_modules turns 200

both threads -- ./modules -t 5 ./libfirst.so
again_while_too_few too_few threads 520 first
holds "threads: first burnt 500 ms in 5 threads ($(time_in threads first) ms found)" \
	"$(time_in threads first) > 250 && $(time_in threads first) < 600"
check 'threads: the identities hold' identity threads
finish
