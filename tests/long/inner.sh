# inner.sh: sourced by the long scripts that run other tests in their own way. Speaks TAP.
# shellcheck shell=bash
set -u
: "${top_srcdir:?}" "${top_builddir:?}" "${CC:?}" "${CXX:?}"
tests=0
# a job server, and the tests, of the calling make are not for the makes in here
unset MAKEFLAGS MFLAGS MAKEOVERRIDES ASSAY ASSAY_LIBRARY
work=$(mktemp -d "${TMPDIR:-/tmp}/assay-long.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

result()
{
	tests=$((tests + 1))
	[ "$1" = 0 ] && echo "ok $tests - $2" || echo "not ok $tests - $2"
	return "$1"
}

remark() { head -n "${1:-60}" | cut -c1-300 | sed 's/^/# /'; }

finish() { echo "1..$tests"; }

# step WHAT COMMAND...: without it there is no going on.
step()
{
	local what=$1
	shift
	"$@" >"$work/step.log" 2>&1 && return
	result 1 "$what"
	tail -n 30 "$work/step.log" | remark
	finish
	exit 1
}

# unit_tests core|viewer: those that link with the core's objects, or those that do not.
unit_tests()
{
	awk -v want="$1" '/^check_PROGRAMS \+= unit\// { name = $3; all[name] = 1 }
		/^unit_test_[a-z_]*_LDADD = .*core/ { core[name] = 1 }
		END { for (name in all) if ((want == "core") == (name in core)) print name }' "$top_srcdir/tests/Makefile.am" | sort | xargs
}

# scripts_in FOLDER...
scripts_in()
{
	local folder
	for folder in "$@"; do
		sed -n "s|^scripts += \($folder/.*\)|\1|p" "$top_srcdir/tests/Makefile.am"
	done
}

# run_tests LIST: `make check` of them in ./tests, where what they need is built; each is one test here.
run_tests()
{
	local list=$1 one
	find tests -name '*.trs' -delete
	make -C tests -k check TESTS="$list" check_PROGRAMS= check_LTLIBRARIES= check_DATA= >"$work/check.log" 2>&1
	for one in $list; do
		one=${one%.sh}
		if [ ! -e "tests/$one.trs" ]; then
			result 1 "$one was run"
			tail -n 20 "$work/check.log" | remark
			continue
		fi
		! grep -qE '^:test-result: (FAIL|XPASS|ERROR)' "tests/$one.trs"
		result $? "$one: $(grep -c '^:test-result: PASS' "tests/$one.trs") passed, $(grep -c '^:test-result: SKIP' "tests/$one.trs") skipped" ||
			grep -vE '^(ok|PASS:)' "tests/$one.log" | remark 80
	done
}
