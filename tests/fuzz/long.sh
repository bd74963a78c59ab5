#!/usr/bin/env bash
# Every fuzz target for an hour.
. "${top_srcdir:?}/tests/fuzz/fuzz.sh"
fuzz_all 3600
