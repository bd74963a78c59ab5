#!/usr/bin/env bash
# Installed programs, as they are: what they print and how they end is the same to the byte, their time is found where it
# is known to go, and the call paths of their samples are complete.
. "$top_srcdir/tests/e2e/lib.sh"

# complete NAME: 99 % of the samples, but for chance (four standard deviations), and there are at least 20.
complete()
{
	local n percent
	n=$(ask "$1" 'SELECT sum(samples) FROM thread')
	percent=$(incomplete "$1")
	holds "$1: 99 % of its samples have complete call paths ($n samples, ${percent:-?} % do not)" "$n >= 20 && $percent <= 1 + 100 * (1 + 4 * sqrt(0.01 * $n)) / $n"
	[ "$n" -ge 20 ] && [ "${percent%.*}" = 0 ] ||
		ask "$1" 'SELECT p.name, l.kind, l.reason, sum(l.count) FROM loss l JOIN process p ON p.id = l.process GROUP BY 1, 2, 3' | remark
}

# most NAME MODULE PERCENT: at least so much of the CPU time is in the modules' own code.
most()
{
	local got
	got=$(share_of_module "$1" "$2")
	holds "$1: at least $3 % of the time is in $2 ($got %)" "$got >= $3"
}

# process NAME PROGRAM WHAT: it appears as an image with samples of its own.
process()
{
	same "$1: $2 appears, with samples" "$(ask "$1" "SELECT count(*) > 0 FROM process p JOIN thread t ON t.process = p.id
		WHERE p.name = '$2' AND t.samples > 0")" 1
}

# Text of a kind: numbers that compress, but not by much.
awk 'BEGIN { x = 1; for (i = 0; i < 260000; i++) { x = (x * 16807) % 2147483647; print x, "line", i % 977 } }' >data.txt

both xz -- xz -T2 --block-size=1MiB -4 -k -c data.txt
most xz 'liblzma%' 90
complete xz
holds 'xz: more than one thread worked' "$(ask xz 'SELECT coalesce(sum(threads), 0) FROM thread WHERE samples > 0') >= 2"
same 'xz: what it wrote is what it was given' "$(xz -dc xz.out | cksum)" "$(cksum <data.txt)"

cat >query.sql <<'END'
CREATE TABLE t (a INTEGER, b TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
INSERT INTO t SELECT i * 7919 % 200003, 'row ' || i FROM n;
CREATE INDEX ta ON t (a);
SELECT count(*), sum(x.a), max(y.b) FROM t x JOIN t y ON y.a = x.a + 1 WHERE x.b LIKE '%7%';
END
both sqlite -- sqlite3 :memory: '.read query.sql'
holds "sqlite: the time is in sqlite3 or its library ($(share_of_module sqlite '%sqlite3%') %)" "$(share_of_module sqlite '%sqlite3%') > 50"
holds 'sqlite: and in the C library, nearly all of it' \
	"$(share_of_module sqlite '%sqlite3%') + $(share_of_module sqlite 'libc%') > 90"
complete sqlite

# What it prints are speeds: another in every run, so only the status is compared.
under openssl -- openssl speed -seconds 1 -bytes 1024 sha256
same 'openssl: exit status' "$(cat openssl.status)" 0
most openssl 'libcrypto%' 80
complete openssl

# A file of its own, with enough in it to compile for a while; -S shows the compiler's output, -c runs the assembler.
{
	echo '#include <stdio.h>'
	for i in $(seq 400); do
		echo "int f$i(int *a, int n) { int s = $i; for (int i = 0; i < n; i++) { s += a[i] * $i; if (s & 1) s ^= a[n - i - 1]; a[i] = s; } return s; }"
	done
} >many.c
compiler=$(readlink -f "$(command -v "${CC%% *}")")
if "$compiler" --version 2>/dev/null | grep -q 'Free Software'; then
	both gcc -- "$compiler" -O2 -g -c -o many.o many.c
	process gcc cc1
	same 'gcc: the assembler appears' "$(ask gcc "SELECT count(*) FROM process WHERE name = 'as'")" 1
	same 'gcc: both were started by the compiler driver' "$(ask gcc "SELECT count(*) FROM process p JOIN process q ON q.id = p.parent
		WHERE p.name IN ('cc1', 'as') AND q.exe = '$compiler'")" 2
	holds "gcc: most of the time is in cc1 ($(share_of_module gcc cc1) %)" "$(share_of_module gcc cc1) > 50"
	complete gcc
	cp many.o many-assay.o
	"$compiler" -O2 -g -c -o many.o many.c
	check 'gcc: the object file is the same' cmp many.o many-assay.o
else
	skip 'gcc: cc1 and as appear' "$CC is not gcc"
fi

cat >primes.py <<'END'
import hashlib, subprocess, sys
primes = [n for n in range(2, 20000) if all(n % p for p in range(2, int(n ** 0.5) + 1))]
words = {}
for i in range(300000):
    words.setdefault(i % 1009, []).append(str(i))
print(len(primes), sum(primes), len(words), hashlib.sha256(str(primes).encode()).hexdigest())
print(subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True).stdout)
sys.stderr.write("done\n")
sys.exit(7)
END
both python -- "$python" primes.py
same 'python: it ended by itself' "$(cat python.status)" 7
holds "python: the interpreter's own functions are there ($(share_of_module python 'python3%') %)" \
	"$(share_of_module python 'python3%') + $(share_of_module python 'libpython3%') > 80"
same 'python: its child is there' "$(ask python 'SELECT count(*) FROM process')" 2
complete python

compile throws.cc
both throws -- ./throws 40000
holds "throws: the time is in the unwinder and the C++ library ($(share_of_module throws 'libgcc_s%') + $(share_of_module throws 'libstdc++%') %)" \
	"$(share_of_module throws 'libgcc_s%') + $(share_of_module throws 'libstdc++%') > 50"
complete throws
# Everything measured while main runs is below it, the unwinder's own code included.
holds 'throws: nearly every sample in the unwinder is below main and storm: all but 1 %, and chance' "$(ask throws "
	WITH RECURSIVE below(id) AS (SELECT n.id FROM node n JOIN function f ON f.id = n.function
		WHERE f.name LIKE '%storm(int)%' AND EXISTS (SELECT 1 FROM node m JOIN function g ON g.id = m.function
			WHERE g.name = 'main' AND n.id > m.id AND n.id <= m.last)
		UNION SELECT n.id FROM node n JOIN below b ON n.parent = b.id)
	SELECT sum(CASE WHEN v.node IN below THEN 0 ELSE v.count END) || ' < 1 + 0.01 * ' || sum(v.count) ||
		' + 4 * sqrt(0.01 * ' || sum(v.count) || ')' FROM value v
	JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function JOIN module m ON m.id = f.module
	WHERE m.name LIKE 'libgcc_s%' HAVING sum(v.count) > 20")"

both pipeline -- sh -c 'cat data.txt data.txt data.txt | sort -k3n -k1n | awk "{ s[\$3] += \$1 % 1000 } END { for (k in s) t += s[k]; print t }" | tr 0-9 a-j; exit 5'
same 'pipeline: its exit status' "$(cat pipeline.status)" 5
same 'pipeline: every program of it appears' "$(ask pipeline "SELECT group_concat(name, ' ') FROM (SELECT DISTINCT
	CASE WHEN name LIKE '%awk' THEN 'awk' ELSE name END AS name FROM process WHERE name <> 'sh' ORDER BY 1)")" 'awk cat sort tr'
process pipeline sort
complete pipeline
finish
