# fuzz.sh: sourced by check.sh and long.sh. Builds the fuzz targets and their seeds, runs what failed once, and then
# each target for some seconds. Speaks TAP; says how many executions there were and how much of the code they reached.
#
# All is kept in $top_builddir/tests/fuzz.tmp, the inputs that were found to reach something new included: the next
# run goes on from there. An input that fails is named; `tests/fuzz/hex.py encode` makes it a file for tests/fuzz/regress.
# shellcheck shell=bash
set -u
: "${ASSAY:?}" "${top_srcdir:?}" "${top_builddir:?}"
here=$top_srcdir/tests/fuzz
tmp=$top_builddir/tests/fuzz.tmp
python=/usr/bin/python3
tests=0
export UBSAN_OPTIONS=print_stacktrace=1 LC_ALL=C.UTF-8
unset ASSAY_SPOOL_DIR LD_PRELOAD
# A target that fails leaves its files behind.
FUZZ_SCRATCH=$(mktemp -d /dev/shm/assay-fuzz.XXXXXX 2>/dev/null || mktemp -d) || exit 1
export FUZZ_SCRATCH
trap 'rm -rf "$FUZZ_SCRATCH"' EXIT

# A target, and the least share of its code's edges, in percent, that its seeds alone are known to reach.
targets='
cfi     40
digest  20
profile 20
spool   35
walk    35
'

least_executions=100

result()
{
	tests=$((tests + 1))
	[ "$1" = 0 ] && echo "ok $tests - $2" || echo "not ok $tests - $2"
	return "$1"
}

remark() { tail -n "${1:-40}" | cut -c1-300 | sed 's/^/# /'; }

# ---- seeds ----

# The used part of a spool, whose apparent size is its limit: the header says at 32 how far it goes.
used_part() { head -c "$(od -An -t u8 -j 32 -N 8 "$1" | tr -d ' ')" "$1"; }

# real NAME OPTION... -- COMMAND...: spools, their run and the profile of a real run.
real()
{
	local name=$1 run=$tmp/run spool
	shift
	rm -rf "$run" && mkdir -p "$run" || return 1
	"$ASSAY" run --spool-dir "$run" --keep-spools --quiet -o "$run/profile" "$@" >/dev/null || return 1
	for spool in "$run"/assay-run-*/*.spool; do
		used_part "$spool" >"$tmp/seed/spool/$name-$(basename "$spool" .spool)"
		used_part "$spool"
	done >"$tmp/seed/digest/$name"
	printf '\132' >>"$tmp/seed/digest/$name"
	# small pages, or the inputs are mostly padding
	sqlite3 "$run/profile" "PRAGMA page_size = 512; VACUUM INTO '$tmp/seed/profile/$name'" || return 1
	rm -rf "$run"
}

# Values that no writer of ours would store.
odd_profile()
{
	cp "$tmp/seed/profile/threads" "$tmp/seed/profile/$1" && sqlite3 "$tmp/seed/profile/$1" "$2; VACUUM"
}

make_seeds()
{
	local phases=$top_builddir/samples/phases/phases
	rm -rf "$tmp/seed" && mkdir -p "$tmp"/seed/{cfi,digest,once-digest,profile,spool,walk} || return 1
	"$tmp/seeds" "$tmp/seed" "$phases" "$ASSAY" "${ASSAY_LIBRARY:-$top_builddir/core/.libs/libassay.so}" \
		"$tmp/seeds" || return 1
	real threads --timeline=20 --rate=1000 "$phases" -t 2 -s 0.05 || return 1
	real plugins --plugins=null:threshold=0ns "$phases" -t 2 -s 0.02 || return 1
	real forks sh -c '(true); sh -c :; exec true' || return 1
	odd_profile losses "INSERT INTO loss SELECT 1, id, 'dropped', 'no room', 7 FROM thread;
		INSERT INTO loss VALUES (1, NULL, 'truncated', 'deeper', 3), (1, NULL, 'failed', 'none', 1);
		UPDATE function SET name = 'std::enable_if<(a::b<int, c>::value > 1), void>::type ns::f<d<e>, g>' || id || '(h<i>&)'
		WHERE id > 2" &&
	odd_profile huge "UPDATE value SET sum = 9223372036854775807; UPDATE total SET inclusive = -9223372036854775808" &&
	odd_profile floats "UPDATE total SET exclusive = 1e308, inclusive = 'x'; UPDATE thread SET wall_ns = 1e300" &&
	odd_profile names "UPDATE function SET name = char(27) || '[31m' || id || x'ff80'; UPDATE module SET name = ''" &&
	odd_profile circle "UPDATE node SET parent = id; UPDATE process SET parent = id; UPDATE node SET last = 0"
}

# ---- running ----

# What failed once: each file of regress/TARGET, hexadecimal, or SQL for the profile of the seeds; and what seeds made.
inputs_of()
{
	local target=$1 out=$tmp/regress/$1 file
	rm -rf "$out" && mkdir -p "$out" || return 1
	for file in "$tmp/seed/once-$target"/*; do
		[ ! -e "$file" ] || cp "$file" "$out" || return 1
	done
	for file in "$here/regress/$target"/*.hex; do
		[ ! -e "$file" ] || "$python" "$here/hex.py" decode "$file" >"$out/$(basename "$file" .hex)" || return 1
	done
	for file in "$here/regress/$target"/*.sql; do
		[ ! -e "$file" ] || { cp "$tmp/seed/profile/threads" "$out/$(basename "$file" .sql)" &&
			sqlite3 "$out/$(basename "$file" .sql)" <"$file"; } || return 1
	done
}

regressions()
{
	local target=$1 file bad=0 n=0
	inputs_of "$target" || { result 1 "$target: what failed once can be made"; return; }
	for file in "$tmp/regress/$target"/*; do
		[ -e "$file" ] || continue
		n=$((n + 1))
		"$tmp/fuzz_$target" -timeout=60 -close_fd_mask=3 "$file" >"$tmp/$target.once" 2>&1 && continue
		bad=1
		echo "# $(basename "$file"):"
		remark 25 <"$tmp/$target.once"
	done
	result $bad "$target: what failed once passes ($n inputs)"
}

executed() { sed -n 's/^stat::number_of_executed_units: *//p' "$tmp/$1.log"; }

# On a crowded machine the time may be over before the seeds are through: then it is given again, up to ten times.
fuzz()
{
	local target=$1 seconds=$2 status
	mkdir -p "$tmp/corpus/$target" "$tmp/failed/$target"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		nice -n 19 "$tmp/fuzz_$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=3000 -close_fd_mask=3 \
			-print_final_stats=1 -artifact_prefix="$tmp/failed/$target/" "$tmp/corpus/$target" "$tmp/seed/$target" \
			>"$tmp/$target.log" 2>&1
		status=$?
		[ $status = 0 ] && [ "$(executed "$target")" -lt "$least_executions" ] || break
	done
	echo $status >"$tmp/$target.status"
}

report()
{
	local target=$1 least=$2 log=$tmp/$1.log edges reached executed
	edges=$(sed -n 's/^INFO: Loaded .*(\([0-9]*\) inline 8-bit counters).*/\1/p' "$log")
	reached=$(grep -ao 'cov: [0-9]*' "$log" | tail -1 | tr -dc 0-9)
	executed=$(executed "$target")
	if [ "$(cat "$tmp/$target.status")" != 0 ]; then
		result 1 "$target: no finding in ${executed:-no} executions"
		grep -avE '^#[0-9]|^(INFO|MS|stat::)' "$log" | remark
	elif ! result $((${reached:-0} * 100 < least * ${edges:-1} || ${executed:-0} < least_executions)) \
		"$target: no finding in ${executed:-0} executions, which reached ${reached:-0} of ${edges:-0} edges"; then
		echo "# at least $least % of the edges and $least_executions executions were expected"
	fi
}

# fuzz_all SECONDS: every target, as many at once as there are cores.
fuzz_all()
{
	local target least
	mkdir -p "$tmp"
	# MAKEFLAGS: a job server of the calling make is not for this one
	if ! MAKEFLAGS='' make -C "$tmp" -j"$(nproc)" -f "$here/build.mk" top_srcdir="$top_srcdir" \
		top_builddir="$top_builddir" >"$tmp/build.log" 2>&1; then
		result 1 "the fuzz targets are built"
		remark <"$tmp/build.log"
		echo "1..$tests"
		return
	fi
	result 0 "the fuzz targets are built"
	make_seeds >"$tmp/seeds.log" 2>&1
	result $? "their seeds are made" || remark <"$tmp/seeds.log"
	while read -r target least; do
		[ -z "$target" ] || regressions "$target"
	done <<<"$targets"
	while read -r target least; do
		[ -n "$target" ] || continue
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
		fuzz "$target" "$1" &
	done <<<"$targets"
	wait
	while read -r target least; do
		[ -z "$target" ] || report "$target" "$least"
	done <<<"$targets"
	echo "1..$tests"
}
