#!/usr/bin/env bash
# Calls that a signal could cut short: waits with time limits, large reads and writes.
. "$top_srcdir/tests/torture/matrix.sh"
program exact_waits 0 0
program partial_counts 0 160
program half_kernel 0 160-210 # which of the two a tick finds is chance: four standard deviations
finish
