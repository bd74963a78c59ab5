#!/usr/bin/env bash
# The man pages and --help know the same options: each one in both, for every subcommand.
set -u
tests=0

# The options that begin a line: "  -o, --output=FILE  text".
options_of_help() { "$ASSAY" "$1" --help | grep -oE -e '^ +(-[A-Za-z], )?--[a-z][a-z-]*' | sed 's/.*--/--/' | sort -u; }
# In mdoc: ".It Fl -name" and ".It Fl x , -name Ns = ...": options are where a list item begins.
options_of_page() { sed -n 's/^\.It Fl //p' "$1" | grep -oE -e '(^| )-[a-z][a-z-]+' | sed 's/^ *-/--/' | sort -u; }

for name in run report digest doctor plugins; do
	tests=$((tests + 1))
	page=$top_srcdir/docs/man/assay-$name.1
	if [ -z "$(options_of_help "$name")" ]; then
		echo "not ok $tests - assay $name --help lists options"
	elif difference=$(diff <(options_of_help "$name") <(options_of_page "$page")); then
		echo "ok $tests - assay $name --help and its man page have the same options"
	else
		echo "not ok $tests - assay $name --help (<) and its man page (>) have the same options"
		printf '%s\n' "$difference" | sed 's/^/# /'
	fi
	tests=$((tests + 1))
	if "$ASSAY" "$name" --help | sed -n '/^Examples:/,$p' | grep -q "assay $name"; then
		echo "ok $tests - assay $name --help shows an example"
	else
		echo "not ok $tests - assay $name --help shows an example"
	fi
done

for page in "$top_srcdir"/docs/man/*.1; do
	tests=$((tests + 1))
	missing=$(sed -n 's/^\.Xr \(assay[a-z-]*\) 1.*/\1/p' "$page" | sort -u |
		while read -r other; do [ -e "$top_srcdir/docs/man/$other.1" ] || echo "$other"; done)
	if [ -z "$missing" ]; then
		echo "ok $tests - ${page##*/} refers to pages that exist"
	else
		echo "not ok $tests - ${page##*/} refers to pages that do not exist: $missing"
	fi
done
echo "1..$tests"
