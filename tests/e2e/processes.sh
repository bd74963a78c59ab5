#!/usr/bin/env bash
# Processes started and ended in every way: each is followed, named, has its parent and its end, and its hot function has
# its samples, be it killed; the run ends as the bare run does.
. "$top_srcdir/tests/e2e/lib.sh"
ulimit -c 0
compile processes.c

# images WAY: what the profile says of its images, oldest first: name and arguments, of which parent, how ended.
images()
{
	ask "$1" "SELECT p.name || substr(p.command, instr(p.command, ' ')) || ' < ' ||
		coalesce((SELECT q.name || CASE q.pid WHEN p.pid THEN ' (itself)' ELSE '' END FROM process q WHERE q.id = p.parent), 'none') || ' : ' ||
		p.ended || coalesce(' ' || p.status, '') FROM process p ORDER BY p.start_ns, p.id"
}

# in_hot WAY FUNCTION: its CPU time, in how many images.
in_hot()
{
	ask "$1" "SELECT coalesce(sum(v.sum) / 1000000, 0) || ' ms in ' || count(DISTINCT t.process) FROM value v
		JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function JOIN thread t ON t.id = v.thread
		WHERE f.name = '$2'"
}

# hot WAY FUNCTION MS: of that much CPU time at least half is found there, in one image. 40 ms either way are for a crowded
# machine: its threads are so seldom on a core when the clock ticks that the last sample may be that old.
hot()
{
	local got
	got=$(in_hot "$1" "$2")
	holds "$1: $2 has its time (${got:-none})" \
		"${got%% ms in *} > 0 && ${got%% ms in *} > $3 / 2 - 40 && ${got%% ms in *} < $3 * 1.1 + 40 && ${got##* in } == 1"
}

# too_few NAME FUNCTION:MS...: whether the lower bound of one of them fails.
too_few()
{
	local name=$1 one got
	shift
	for one in "$@"; do
		got=$(in_hot "$name" "${one%:*}")
		[ -n "$got" ] && [ "${got%% *}" -gt 0 ] && [ "${got%% *}" -gt $((${one#*:} / 2 - 40)) ] || return 0
	done
	return 1
}

# way NAME IMAGES FUNCTION:MS...
way()
{
	local name=$1 images=$2 one
	shift 2
	both "$name" -- ./processes "$name"
	[ $# = 0 ] || again_while_too_few too_few "$name" "$@"
	like "$name: the processes, their parents and ends" "$(images "$name")" "$images"
	for one in "$@"; do
		hot "$name" "${one%:*}" "${one#*:}"
	done
}

nl=$'\n'
way return 'processes return < none : exit 3' hot_parent:150
way exit 'processes exit < none : exit 3' hot_parent:150
way _exit 'processes _exit < none : exit 3' hot_parent:150
way quick_exit 'processes quick_exit < none : exit 3' hot_parent:150
way system_call 'processes system_call < none : exit 3' hot_parent:150
way thread_exit 'processes thread_exit < none : exit 3' hot_child:150
way main_leaves 'processes main_leaves < none : exit 0' hot_child:150 hot_parent:60
way abort 'processes abort < none : signal 6' hot_parent:150
way kill 'processes kill < none : signal 9' hot_parent:150
way fault 'processes fault < none : signal 11' hot_parent:150
way term 'processes term < none : signal 15' hot_parent:150

way fork "processes fork < none : exit 3${nl}processes fork < processes : exit 3" hot_parent:60 hot_child:150
way kill_child "processes kill_child < none : exit 109${nl}processes kill_child < processes : @(signal 9|unseen)" hot_child:150
way vfork "processes vfork < none : exit 3${nl}processes leaf < processes : exit 3" hot_parent:60 hot_leaf:150
way vfork_exit 'processes vfork_exit < none : exit 3' hot_parent:150
way spawn "processes spawn < none : exit 3${nl}processes leaf < processes : exit 3" hot_parent:60 hot_leaf:150
way system "processes system < none : exit 3${nl}sh -c * < processes : exit 3${nl}processes leaf < sh : exit 3" hot_leaf:150
way popen "processes popen < none : exit 3${nl}sh -c * < processes : exit 3${nl}processes leaf < sh : exit 3" hot_leaf:150
way chain "processes chain < none : exec*${nl}processes chain2 < processes (itself) : exec*${nl}processes leaf < processes (itself) : exit 3" \
	hot_parent:150 hot_child:150 hot_leaf:150
# An image that only lived to exec is the beginning of the program that it became.
way empty 'processes leaf < none : exit 3' hot_leaf:150
way no_exec 'processes no_exec < none : exit 3' hot_parent:60 hot_child:150
way double "processes double < none : exit 3${nl}processes double < processes : exit 0${nl}processes double < processes : exit 0" \
	hot_child:60 hot_leaf:150
way threads_fork "processes threads_fork < none : exit 3${nl}processes threads_fork < processes : exit 3" hot_child:150
same 'threads_fork: the child has one thread, the parent three' "$(ask threads_fork 'SELECT group_concat(n, " ") FROM
	(SELECT sum(threads) AS n FROM thread GROUP BY process ORDER BY process)')" '3 1'

both env -- env -i ./processes leaf
again_while_too_few too_few env hot_leaf:150
like 'env -i: followed into an empty environment' "$(images env)" 'processes leaf < none : exit 3'
hot env hot_leaf 150

# A shell turns a signal into 128 and its number; here it is asked for from the kernel.
signals=$("$python" - "$ASSAY" <<'END'
import subprocess, sys
for way in "abort", "kill", "fault", "term":
    print(subprocess.run([sys.argv[1], "run", "-q", "--force", "-o", "signal.assay", "./processes", way]).returncode, end=" ")
END
)
same 'the command itself ends by the signal that ended the program' "$signals" '-6 -9 -11 -15 '
check 'nothing is left behind where spools are made' test -z "$("$ASSAY" digest | grep "$work")"
finish
