#!/usr/bin/env bash
# Programs that have every kind of signal and interval timer for themselves.
. "$top_srcdir/tests/torture/matrix.sh"
program own_timers 0 160
program block_all 0 160
program sigwait_loop 0 160
program signalfd_loop 0 160
program small_altstack 0 160
program longjmp_handlers 0 220 # 40 times 1.5 ms more until a jump out of it
program nested_signals 0 160
program every_signal 0 160
finish
