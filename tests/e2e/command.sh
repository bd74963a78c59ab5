#!/usr/bin/env bash
# The command itself: its help, its version, what it says to words that it does not know, and how it writes.
set -u
n=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# check WHAT STATUS WANTED: runs the rest of the line; its status and its output (a pattern) must be these.
check()
{
	local what=$1 status=$2 wanted=$3 got said
	shift 3
	said=$("$@" 2>&1)
	got=$?
	n=$((n + 1))
	# shellcheck disable=SC2053
	if [ $got = "$status" ] && [[ $said == $wanted ]]; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what: status $got, said: ${said//$'\n'/ | }"
	fi
}

full() { "$ASSAY" --help >/dev/full; }
# A pipe that nobody can read from any more.
closed() { rm -f pipe; mkfifo pipe; exec 4<>pipe 5>pipe 4<&-; "$ASSAY" report --help >&5; }
closed_ignored() { trap '' PIPE; closed; }
silent_on_stdout() { "$ASSAY" 2>/dev/null; }

echo 1..14
check 'version' 0 'assay [0-9]*' "$ASSAY" --version
check 'help names the commands and shows examples' 0 '*run *report *digest *doctor *Examples:*' "$ASSAY" --help
for command in run report digest doctor; do
	check "help of $command" 0 "Usage: assay $command *Examples:*" "$ASSAY" help $command
done
check '--help of a command is the same' 0 "$("$ASSAY" help report | sed 's/[][*?\\]/\\&/g')" "$ASSAY" report --help
check 'nothing asked for' 2 'Usage: assay COMMAND*' "$ASSAY"
check '... says so on standard error only' 2 '' silent_on_stdout
check 'unknown command, with the nearest' 2 "assay: unknown command 'reprot' (did you mean 'report'?)" "$ASSAY" reprot
check 'unknown command, near to none' 2 "assay: unknown command 'ls' (see *" "$ASSAY" ls
check 'a full disk is an error' 1 'assay: cannot write the output: No space left on device' full
check 'a closed pipe is not worth a word' 141 '' closed
check '... even where SIGPIPE is ignored' 1 '' closed_ignored
