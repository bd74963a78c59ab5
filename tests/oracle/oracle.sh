#!/usr/bin/env bash
# Our unwinder against libunwind's and libdw's, on real programs at thousands of sampled points. Each program is run bare
# and with liboracle.so (oracle.c), which walks every sample by both unwinders; oracle_read then says how they differ, and
# has a rule for each difference that is not a fault of ours (explain.c). Kinds of walks that are cut short pass only in
# programs of which that is known, and only so many.
#
#   WANTED=1000  samples a program; a program is given more to do until it has them
. "$top_srcdir/tests/e2e/lib.sh"
sources=$top_srcdir/tests/oracle/programs
read_oracle=$top_builddir/tests/oracle/oracle_read
if [ ! -e "$top_builddir/tests/oracle/.libs/liboracle.so" ]; then
	echo '1..0 # SKIP built without libunwind, with which our walks are compared'
	exit 0
fi
if [ "$(uname -m)" != x86_64 ]; then
	echo '1..0 # SKIP the comparison is for x86-64'
	exit 0
fi
export ASSAY_LIBRARY=$top_builddir/tests/oracle/.libs/liboracle.so
perf_refusal=$(perf_refused)
# By the CPU clock there are no more samples than kernel ticks: 100 to 1000 a second.
if [ -z "$perf_refusal" ]; then clock=perf times=1 wanted=${WANTED:-1000}; else clock=cpu times=3 wanted=${WANTED:-300}; fi
compared=0

# make NAME COMPILER FILE [FLAG...]: false, and $unbuilt says why, if it cannot be had.
make()
{
	local name=$1 compiler=$2 file=$3
	shift 3
	# shellcheck disable=SC2086
	$compiler -O2 -o "$name" "$sources/$file" "$@" >"$name.cc.log" 2>&1 && return
	unbuilt="$file does not compile here with '$compiler $*': $(grep -m 1 -i error "$name.cc.log")"
	return 1
}

# must_make NAME COMPILER FILE [FLAG...]: of a compiler that the tests need.
must_make()
{
	make "$@" && return
	echo "Bail out! $unbuilt"
	exit 1
}

figure() { awk -v name="$2" '$1 == name { print $2 }' "$1.figures"; }

# once NAME COMMAND...: under Assay; its samples into NAME.figures
once()
{
	local name=$1
	shift
	rm -f "$name".walks.*
	ASSAY_ORACLE=$work/$name.walks under "$name" --clock=$clock --rate=5000 --unwinder=libunwind -- "$@"
	"$read_oracle" -n 1 "$name".walks.* >"$name.figures" 2>&1
	rm -f "$name".walks.*
}

# The _init and _fini of any file have no unwind table, and now and then one is wrong: a sample in a thousand may find that.
# explained NAME [ID:PERCENT...]: no fault, no sample lost, and kinds of shortcomings only as far as they are known here.
explained()
{
	local name=$1
	shift
	[ "$(figure "$name" faults)" = 0 ] && [ "$(figure "$name" unfinished)" = 0 ] &&
		awk -v allowed="$*" '
			BEGIN {
				n = split("agree context judged judged-partly calls libdw-differs too-deep no-table:0.2 nobody:0.2 " allowed, list)
				for (i = 1; i <= n; i++) { split(list[i] ":100", part, ":"); most[part[1]] = part[2] }
			}
			$1 == "samples" { samples = $2 }
			$1 == "lost" && $2 > 0 { lost = $2 }
			$1 == "kind" {
				id = $3; sub(/:.*/, "", id)
				if (!(id in most) || $2 > samples * most[id] / 100 + 1) { print "too many, or not known of this program: " $0; bad = 1 }
			}
			END {
				if (lost > samples / 50) { print lost " of " samples " samples were lost"; bad = 1 }
				exit bad
			}' "$name.figures" && return
	cat "$name.figures"
	return 1
}

# oracle NAME [ID:PERCENT...] -- COMMAND... N: N says how much the program is to do, and is doubled until there are enough
# samples.
oracle()
{
	local name=$1 known=() n command
	shift
	while [ "$1" != -- ]; do
		known+=("$1")
		shift
	done
	shift
	n=$((${*: -1} * times))
	command=("${@:1:$#-1}")
	once "$name" "${command[@]}" "$n"
	for _ in 1 2 3 4 5 6; do
		[ "$(figure "$name" samples)" -lt "$wanted" ] || break
		n=$((n * 2))
		once "$name" "${command[@]}" "$n"
	done
	{ bare "$name" "${command[@]}" "$n"; } 2>/dev/null
	check "$name: output and exit status are those of the bare run" agrees "$name"
	holds "$name: $(figure "$name" samples) samples are compared" "$(figure "$name" samples) >= $wanted"
	check "$name: every walk is right, or it is known why not" explained "$name" "${known[@]}"
	compared=$((compared + $(figure "$name" samples)))
	echo "# $name: differ $(figure "$name" differ), median $(figure "$name" own_median_ns) ns," \
		"libunwind's $(figure "$name" lib_median_ns) ns$(sed -n 's/^kind \([0-9]*\) \([^:]*\):.*/, \2 \1/p' "$name.figures" | tr -d '\n')"
	rm -f "$name.assay"
}

# What an exception that has found its handler leaves behind is in explain.c: rewinding.
thrown=rewinding:2

# ---- C, with all that changes what a compiler makes of it
must_make calls "$CC" calls.c
oracle calls -- ./calls 14000
must_make calls-o3 "$CC" calls.c -O3 -fomit-frame-pointer
oracle calls-o3 -- ./calls-o3 14000
must_make calls-fp "$CC" calls.c -fno-omit-frame-pointer
oracle calls-fp -- ./calls-fp 14000
must_make calls-o0 "$CC" calls.c -O0
oracle calls-o0 -- ./calls-o0 4000
must_make calls-stripped "$CC" calls.c -s
oracle calls-stripped -- ./calls-stripped 14000
must_make calls-cet "$CC" calls.c -fcf-protection=full -Wl,-z,ibtplt
oracle calls-cet -- ./calls-cet 14000
must_make calls-nopie "$CC" calls.c -fno-pie -no-pie
oracle calls-nopie -- ./calls-nopie 14000
must_make calls-clang clang calls.c
oracle calls-clang -- ./calls-clang 14000
must_make library "$CC" library.c -lm
oracle library -- ./library 20000
must_make handlers "$CC" handlers.c
oracle handlers -- ./handlers 30000
must_make jumps "$CC" jumps.c -D_GNU_SOURCE
oracle jumps switching:1 -- ./jumps 150000
# Between the switch of the stack pointer and the push of the address to go to, no table can be right.
must_make coroutines "$CC" coroutines.c
oracle coroutines switching:1 -- ./coroutines 30000
must_make threads "$CC" threads.c -pthread
oracle threads -- ./threads 70
must_make children "$CC" children.c
oracle children -- ./children 35
must_make clocks "$CC" clocks.c -D_GNU_SOURCE
oracle clocks -- ./clocks 1200000
if make split "$CC" split.c -fsplit-stack; then
	oracle split -- ./split 30000
else
	skip split "$unbuilt"
fi

# ---- procedure linkage tables: bound at first use, at start, without, and with the tables of -z ibtplt
must_make linkage_1.so "$CC" linkage_library.c -fPIC -shared -Wl,-z,lazy
must_make linkage_2.so "$CC" linkage_library.c -fPIC -shared -Wl,-z,lazy -DSPACE=14
for way in lazy:-Wl,-z,lazy now:-Wl,-z,now none:-fno-plt ibt:-Wl,-z,ibtplt; do
	must_make "linkage-${way%%:*}" "$CC" linkage.c ./linkage_1.so "-Wl,-rpath,$work" "${way#*:}"
	oracle "linkage-${way%%:*}" -- "./linkage-${way%%:*}" 20000
done
# What lld makes of a linkage table has no unwind rules; the GNU linker can leave them away too.
must_make linkage-bare "$CC" linkage.c ./linkage_1.so "-Wl,-rpath,$work" -Wl,--no-ld-generated-unwind-info
oracle linkage-bare -- ./linkage-bare 20000
# _init and _fini have no unwind table.
must_make reload "$CC" reload.c
oracle reload no-table:3 -- ./reload 4000

# ---- code without tables: what has no frame pointer either cannot be walked out of
must_make written "$CC" written.c
oracle written no-file:60 no-table:30 -- ./written 25000

# ---- other languages
must_make exceptions "$CXX" exceptions.cc
oracle exceptions $thrown -- ./exceptions 9000
must_make objects "$CXX" objects.cc -std=c++17
oracle objects -- ./objects 2000
must_make numbers gfortran numbers.f90
# An internal procedure that is passed on is called by way of a few instructions on the stack.
oracle numbers -- ./numbers 1500
if rustc --version >/dev/null 2>&1; then
	if rustc -O -o collect "$sources/collect.rs" >collect.cc.log 2>&1; then
		oracle collect $thrown -- ./collect 2500
	else
		result 1 "collect.rs compiles" || remark <collect.cc.log
	fi
else
	skip 'a program in Rust' 'there is no rustc'
fi

# ---- programs as they are
# A callback that ctypes made begins with a few instructions in no file.
oracle python -- "$python" "$sources/mixture.py" 250
awk 'BEGIN { srand(1); for (i = 0; i < 40000; i++) print i, int(rand() * 1e6), "a line of text that repeats" }' >data
cat >repeat <<'SHELL'
# repeat COMMAND... N: the command N times, one after the other
n=${*: -1}
for ((i = 0; i < n; i++)); do "${@:1:$#-1}"; done
SHELL
oracle xz -- bash repeat xz -T1 -3 -k -c data 1
oracle gzip -- bash repeat gzip -9 -n -c data 2
# Assembly by hand: Montgomery multiplication, SHA-256
oracle openssl -- bash repeat openssl prime -checks 600 \
	179769313486231590772930519078902473361797697894230657273430081157732675805500963132708477322407536021120113879871393357658789768814416622492847430639474124377767893424865485276302219601246094119453082952085005768838150682342462881473913110540827237163350510684586298239947245938479716304835356329624224137859 1
cat >query.sql <<'SQL'
CREATE TABLE t (a, b);
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 60000)
	INSERT INTO t SELECT x * 7919 % 60000, 'text ' || x FROM c;
CREATE INDEX i ON t (b, a);
SELECT count(*), max(b), sum(a) FROM t WHERE b LIKE '%9%' AND a IN (SELECT a FROM t ORDER BY b LIMIT 20000);
SQL
oracle sqlite3 -- bash repeat sqlite3 -init /dev/null :memory: '.read query.sql' 1

echo "# $compared samples compared, by the $clock clock${perf_refusal:+ ($perf_refusal)}"
finish
