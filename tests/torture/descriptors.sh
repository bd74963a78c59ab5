#!/usr/bin/env bash
# Programs that close, replace and count descriptors.
. "$top_srcdir/tests/torture/matrix.sh"
program close_all 0 160
torture close_all_and_take_all 0 160 ./close_all take
program dup2_low 0 160
finish
