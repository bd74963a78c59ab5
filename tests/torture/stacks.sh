#!/usr/bin/env bash
# Stacks that are full, very deep, or the program's own.
. "$top_srcdir/tests/torture/matrix.sh"
program overflow 0 160
program deep 0 160
program coroutines 0 160
finish
