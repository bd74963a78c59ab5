# matrix.sh: the torture matrix's runner; sourced by its scripts. Each program is run bare and under Assay with each clock
# at the default rate and at 5000 Hz. What it prints and how it ends must be the same, the profile must be whole, and the
# planted function hot() must be in it with the CPU time that the program gave it.
# shellcheck shell=bash
. "$top_srcdir/tests/e2e/lib.sh"
ulimit -c 0
sources=$top_srcdir/tests/torture/programs
modes=(cpu:200 cpu:5000 perf:200 perf:5000)
perf_refusal=$(perf_refused)
TOO_FEW=3 # the status of a run whose only fault that is
patience=${PATIENCE:-180} # seconds: what has not ended by then hangs, and is killed with all that it started

# build FILE [FLAG...]: makes ./NAME of FILE, the flags after -O2 -g. False (and $unbuilt says why) if it cannot be had.
build()
{
	local file=$1 name=${1%.*} compiler=$CC
	shift
	[ "${file##*.}" = c ] || compiler=$CXX
	# shellcheck disable=SC2086
	$compiler -O2 -g -D_GNU_SOURCE -I"$top_srcdir/tests/e2e/programs" -o "$name" "$sources/$file" "$@" -pthread >"$name.cc.log" 2>&1 && return
	unbuilt="$file does not compile here${*:+ with '$*'}: $(head -n 1 "$name.cc.log")"
	return 1
}

# must_build FILE [FLAG...]
must_build()
{
	build "$@" && return
	echo "Bail out! $unbuilt"
	exit 1
}

# Milliseconds of the profile's CPU time in hot() itself.
hot_ms()
{
	ask "$1" "SELECT coalesce(sum(v.sum), 0) / 1000000 FROM value v JOIN node n ON n.id = v.node
		JOIN function f ON f.id = n.function WHERE f.name IN ('hot', 'hot(int)')"
}

# whole NAME MS: the profile is sound and can be shown, and hot() has MS (0: does not matter; LEAST-MOST: where it is in
# pieces so short that a clock may find few of them). 40 ms either way are for a crowded machine, where the last sample may
# be that old; no sample weighs time that was not spent.
whole()
{
	local got least=${2%-*} most=${2#*-}
	[ "$(ask "$1" 'PRAGMA integrity_check')" = ok ] || { echo "the profile is not sound"; return 1; }
	identity "$1" || return 1
	"$ASSAY" report "$1.assay" >"$1.report" || { echo 'the report cannot be shown'; return 1; }
	got=$(hot_ms "$1")
	[ "$2" != 0 ] || return 0
	[ "$got" -le $((most * 11 / 10 + 40)) ] || { echo "hot has $got ms, not $2"; return 1; }
	[ "$got" -ge $((least * 6 / 10 - 40)) ] || { echo "hot has $got ms, not $2"; return $TOO_FEW; }
}

# like_bare NAME MS WORDS: the run NAME.* against NAME.bare.*. WORDS: what Assay may say on standard error, a pattern.
like_bare()
{
	local name=$1 words=$3 said
	cmp "$name.bare.status" "$name.status" || { echo "$(cat "$name.bare.status") bare, $(cat "$name.status") here"; cat "$name.out" "$name.err"; return 1; }
	cmp "$name.bare.out" "$name.out" || { diff "$name.bare.out" "$name.out"; return 1; }
	said=$(grep '^assay: ' "$name.err")
	grep -v '^assay: ' "$name.err" >"$name.err.own"
	cmp "$name.bare.err" "$name.err.own" || { diff "$name.bare.err" "$name.err.own"; return 1; }
	# shellcheck disable=SC2053
	[ -z "$said" ] || [[ $said == $words ]] || { echo "Assay says: $said"; return 1; }
	[ -s "$name.assay" ] || { echo 'no profile'; return 1; }
	whole "$name" "$2"
}

# With these set, the next call of `torture` takes them and clears them:
#   words='PATTERN'   what Assay may say on standard error in this one
#   before='COMMAND'  what is run first, in front of both commands (env ..., setpriv ...)
#   ways='MODE...'    these modes only
words='' before='' ways=''

# once NAME CLOCK RATE COMMAND...
once()
{
	local name=$1 clock=$2 rate=$3
	shift 3
	rm -f "$name.assay"
	# shellcheck disable=SC2086
	{ timeout -s KILL $patience ${before} "$ASSAY" run -q -o "$name.assay" --clock="$clock" --rate="$rate" "$@" \
		>"$name.out" 2>"$name.err" </dev/null; } 2>/dev/null
	echo $? >"$name.status"
}

# torture NAME STATUS MS COMMAND...: the matrix for one command, which bare must end with STATUS.
torture()
{
	local name=$1 wanted=$2 ms=$3 mode clock rate chosen=(${ways:-${modes[*]}})
	shift 3
	# shellcheck disable=SC2086
	{ timeout -s KILL $patience ${before} "$@" >"$name.bare.out" 2>"$name.bare.err" </dev/null; } 2>/dev/null
	echo $? >"$name.bare.status"
	same "$name, bare: ends with $wanted" "$(cat "$name.bare.status")" "$wanted" || remark <"$name.bare.out"
	for mode in "${chosen[@]}"; do
		clock=${mode%:*} rate=${mode#*:}
		if [ "$clock" = perf ] && [ -n "$perf_refusal" ]; then
			skip "$name, $clock clock, $rate Hz" "$perf_refusal"
			continue
		fi
		once "$name" "$clock" "$rate" "$@"
		# On a crowded machine the ticks of the CPU clock may find a thread running so seldom that most of its time is
		# after its last sample. That is no fault if it comes and goes; nothing else gets another try.
		for _ in 1 2; do
			like_bare "$name" "$ms" "$words" >/dev/null 2>&1
			[ $? = $TOO_FEW ] || break
			once "$name" "$clock" "$rate" "$@"
		done
		check "$name, $clock clock, $rate Hz: as bare, and a whole profile" like_bare "$name" "$ms" "$words"
	done
	words='' before='' ways=''
}

# program NAME STATUS MS [ARGUMENT...]: compiles programs/NAME.c and puts it through the matrix.
program()
{
	local name=$1 status=$2 ms=$3
	shift 3
	must_build "$name.c"
	torture "$name" "$status" "$ms" "./$name" "$@"
}
