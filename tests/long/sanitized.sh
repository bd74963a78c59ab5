#!/usr/bin/env bash
# The viewer's side (viewer/, profile/) built with AddressSanitizer, its leak checker, and UndefinedBehaviorSanitizer, in
# a build folder of its own; and all unit, end-to-end and torture tests of it there. The core is built without: it is
# preloaded into other programs, which have their own.
. "${top_srcdir:?}/tests/long/inner.sh"

# statically: the tests preload things into the command itself, and a shared runtime wants to be the first of all
SANITIZE='-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -static-libasan -static-libubsan'
build=$top_builddir/tests/sanitized.tmp
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1

mkdir -p "$build" && cd "$build" || exit 1
step 'configured' env CC="$CC" CXX="$CXX" "$top_srcdir/configure" -q
for part in plugins core samples; do
	step "$part is built without sanitizers" make -C $part
done
sanitized() { make "$@" CFLAGS="$SANITIZE" LDFLAGS=-Wc,-static-libasan,-static-libubsan; }
for part in profile viewer; do
	step "$part is built with sanitizers" sanitized -C $part
done
# shellcheck disable=SC2046
step 'its unit tests too' sanitized -C tests $(unit_tests viewer)
# fuzz/ builds with sanitizers of its own; the core's unit tests are valgrind.sh's
run_tests "$(unit_tests viewer) $(scripts_in e2e torture | xargs)"
finish
