#!/usr/bin/env bash
# assay doctor: tries things out, says what is wrong and what to do, and its exit status says whether a run can work.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tests=0

# check DESCRIPTION COMMAND...: one result; what the last command printed is shown if it fails.
check() {
	local description=$1
	shift
	tests=$((tests + 1))
	if "$@"; then
		echo "ok $tests - $description"
	else
		echo "not ok $tests - $description"
		sed 's/^/# /' "$work/out" "$work/err"
	fi
}

# Runs the doctor with NAME=VALUE settings first, then arguments.
doctor() {
	env "$@" >"$work/out" 2>"$work/err"
	status=$?
}

# mark NAME: the mark of one check in the JSON that the last doctor printed.
mark() {
	python3 -c 'import json, sys
print(next(c["mark"] for c in json.load(open(sys.argv[1]))["checks"] if c["name"] == sys.argv[2]))' "$work/out" "$1"
}

is() { [ "$1" = "$2" ]; }
says() { grep -q -e "$2" "$work/$1"; }
silent() { [ ! -s "$work/$1" ]; }

doctor "$ASSAY" doctor
check "a machine that can run this test can be measured on" is "$status" 0
check "and the last line says so" is "$(tail -n 1 "$work/out")" "Assay can measure programs on this machine."
check "nothing on standard error" silent err

doctor "$ASSAY" doctor --json
check "--json has the same exit status" is "$status" 0
check "--json names the preloaded library as working" is "$(mark 'preloaded library')" ok
check "--json names the CPU-time timers as working" is "$(mark 'CPU-time timers')" ok

doctor ASSAY_LIBRARY=/etc/passwd "$ASSAY" doctor --json
check "a library that does not load: exit status 1" is "$status" 1
check "a library that does not load: marked no" is "$(mark 'preloaded library')" no

doctor ASSAY_LIBRARY="$work/none.so" "$ASSAY" doctor --json
check "a library that is not there: exit status 1" is "$status" 1
check "a library that is not there: marked no" is "$(mark 'preloaded library')" no

doctor ASSAY_SPOOL_DIR=/proc "$ASSAY" doctor
check "a spool folder that takes no files: exit status 1" is "$status" 1
check "a spool folder that takes no files: named, with a remedy" says out '--spool-dir'
check "a spool folder that takes no files: the last line says no" is "$(tail -n 1 "$work/out" | grep -c cannot)" 1

doctor "$ASSAY" doctor --jsn
check "a mistyped option: exit status 2" is "$status" 2
check "a mistyped option: the nearest is suggested" says err 'did you mean --json'

mkdir "$work/spool"
doctor ASSAY_SPOOL_DIR="$work/spool" "$ASSAY" doctor
check "nothing is left in the spool folder" is "$(ls -A "$work/spool")" ""

echo "1..$tests"
