#!/usr/bin/env bash
# The target, the launcher and the digest killed two hundred times each.
KILLS=200 exec bash "$top_srcdir/tests/torture/data.sh"
