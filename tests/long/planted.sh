#!/usr/bin/env bash
# The planted shares again, over enough runs to tell 95 % from 90.
PLANTED_RUNS=200 exec bash "$top_srcdir/tests/e2e/planted.sh"
