#!/usr/bin/env bash
# tests/oracle at many more points.
WANTED=20000 exec bash "$top_srcdir/tests/oracle/oracle.sh"
