#!/usr/bin/env bash
# What signal handlers can reach: the symbols that the finished objects of core/sig/ need from outside are those
# that core/sig/symbols.allow gives a reason for, and no others. The ban header stops most of it at compile time;
# this finds what it cannot (abort, strerror, a helper of the compiler's, a function of core/ that is no handler code).
set -u
allow=$top_srcdir/core/sig/symbols.allow
tests=0

result() { # ok|"not ok" DESCRIPTION
	tests=$((tests + 1))
	echo "$1 $tests - $2"
}

# The object that libtool made of a source of libsig.
object() {
	local name=$top_builddir/core/sig/.libs/libsig_la-$(basename "$1" .c).o
	[ -e "$name" ] || name=$top_builddir/core/sig/libsig_la-$(basename "$1" .c).o
	echo "$name"
}

# Patterns of the allow-list: all, or (required) those that some object must need.
allowed() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$allow" | awk -v only="${1-}" \
		'only == "" { sub(/^\?/, "") } only != "" && /^\?/ { next } { print $1 }'
}

# Reads symbols; prints those that no pattern allows.
not_allowed() {
	local symbol pattern found
	while read -r symbol; do
		found=
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2053 # a pattern it is
			[[ $symbol == $pattern ]] && found=yes && break
		done
		[ -n "$found" ] || echo "$symbol"
	done
}

objects=()
for source in "$top_srcdir"/core/sig/*.c; do
	objects+=("$(object "$source")")
done
mapfile -t patterns < <(allowed)

missing=$(ls -- "${objects[@]}" 2>&1 >/dev/null)
defined=$(nm -g --defined-only -- "${objects[@]}" | awk 'NF == 3 { print $3 }' | sort -u)
needed=$(nm -u -- "${objects[@]}" | awk 'NF == 2 { sub(/@.*/, "", $2); print $2 }' | sort -u | comm -23 - <(echo "$defined"))

if [ -z "$missing" ] && [ -n "$needed" ]; then
	result ok "every source of core/sig has its object (${#objects[@]} of them)"
else
	result "not ok" "every source of core/sig has its object"
	echo "${missing:-nm found no symbols}" | sed 's/^/# /'
fi

bad=$(not_allowed <<<"$needed")
if [ -z "$bad" ]; then
	result ok "handler code needs only what core/sig/symbols.allow gives a reason for"
else
	result "not ok" "handler code needs only what core/sig/symbols.allow gives a reason for"
	for symbol in $bad; do
		echo "# $symbol is needed by $(nm -uA -- "${objects[@]}" | grep -w "U $symbol" | sed 's/:.*//; s/.*libsig_la-//' |
			paste -sd ' ')"
	done
fi

stale=$(comm -23 <(allowed required | sort -u) <(echo "$needed"))
if [ -z "$stale" ]; then
	result ok "every line of it is still needed"
else
	result "not ok" "every line of it is still needed"
	echo "$stale" | sed 's/$/ is needed by no object: take it out/; s/^/# /'
fi

unreasoned=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$allow" | awk 'NF < 3')
if [ -z "$unreasoned" ]; then
	result ok "every line of it has a reason"
else
	result "not ok" "every line of it has a reason"
	echo "$unreasoned" | sed 's/^/# /'
fi

# The check itself must be able to fail: code like this must not pass.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cat >"$work/bad.c" <<-'C'
	#include <stdlib.h>
	#include <string.h>
	void bad(char *p);
	void bad(char *p)
	{
		strcpy(p, strerror(malloc(4) ? 1 : 2));
		abort();
	}
C
if $CC -c -o "$work/bad.o" "$work/bad.c" &&
	caught=$(nm -u "$work/bad.o" | awk '{ print $2 }' | not_allowed | sort | paste -sd ' ') &&
	[[ " $caught " == *" abort "* && " $caught " == *" malloc "* && " $caught " == *" strerror "* ]]; then
	result ok "malloc, strerror and abort are found in an object that calls them"
else
	result "not ok" "malloc, strerror and abort are found in an object that calls them"
	echo "# found: ${caught-nothing}"
fi

echo "1..$tests"
