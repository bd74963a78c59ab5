#!/usr/bin/env bash
# Programs with very many, very short, very small and oddly ended threads.
. "$top_srcdir/tests/torture/matrix.sh"
must_build plugin.c -shared -fPIC -o plugin.so
must_build throw_storm.cc
torture throw_storm 0 160 ./throw_storm
program short_threads 0 160
program live_threads 0 0
program detached_threads 3 160
program thread_ends 0 0
program cancel 0 0
program small_stacks 0 160
finish
