#!/usr/bin/env bash
# Everything that the tests use is installed: without it they would test less than they claim.
set -u
missing=
for need in clang:clang "${CXX%% *}:g++" gdb:gdb gfortran:gfortran musl-gcc:musl-tools openssl:openssl python3:python3 sqlite3:sqlite3 strace:strace xz:xz-utils; do
	command -v "${need%%:*}" >/dev/null || missing+=" ${need#*:}"
done
# libFuzzer and the sanitizers that go with clang
if ! echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return !p && n; }' |
	clang -fsanitize=fuzzer,address,undefined -x c -o /dev/null - 2>/dev/null; then
	missing+=" libclang-rt-14-dev"
fi
# OpenMP for clang: its runtime is not gcc's
if ! printf '#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n' |
	clang -fopenmp -x c -o /dev/null - 2>/dev/null; then
	missing+=" libomp-dev"
fi
for library in /usr/lib*/libjemalloc.so.2 /usr/lib/*/libjemalloc.so.2; do
	[ ! -e "$library" ] || jemalloc=$library
done
[ -n "${jemalloc-}" ] || missing+=" libjemalloc2"
[ "$HAVE_CMOCKA" = yes ] || missing+=" libcmocka-dev (then configure again)"

echo 1..1
if [ -z "$missing" ]; then
	echo "ok 1 - everything that the tests use is installed"
else
	echo "not ok 1 - the tests need these packages as well:$missing"
fi
