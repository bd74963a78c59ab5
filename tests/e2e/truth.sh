# truth.sh: for tests that hold Assay to what a sample measured of itself (samples/sample.h); sourced after lib.sh.
# shellcheck shell=bash disable=SC2154

# truth NAME THREAD WHAT [times]: nanoseconds, or how often, as the sample said on standard error.
truth() { awk -v t="$2" -v w="$3" -v f="${4:-ns}" '$1 == t && $2 == w { print f == "times" ? $4 : $3 }' "$1.err"; }

# Comparisons of a run are collected first, for a run on a machine that stole time may be made again; then they are judged.
# near WHAT GOT WANTED [TIMES]: within 1 %, and 1 us for each of the times that the two clocks were read one after the other,
# and 50 us for what is done at the first time.
near() { printf '%s|%s|%s|%s\n' "$1" "${2:-nothing}" "${3:-nothing}" "${4:-0}" >>"$comparisons"; }

# is_near GOT WANTED TIMES: an answer that is no number is not near. Nothing measured and nothing to be measured is.
is_near()
{
	awk -v got="$1" -v wanted="$2" -v times="$3" 'BEGIN {
		if (got !~ /^-?[0-9]/ || wanted !~ /^-?[0-9]/)
			exit 1
		d = got > wanted ? got - wanted : wanted - got
		exit !(d <= 0.01 * wanted + 1000 * times + 50000)
	}'
}

# off NAME COMPARE: whether a comparison that COMPARE NAME makes fails.
off()
{
	local got wanted times
	comparisons=$work/$1.comparisons
	: >"$comparisons"
	"$2" "$1"
	while IFS='|' read -r _ got wanted times; do
		is_near "$got" "$wanted" "$times" || return 0
	done <"$comparisons"
	return 1
}

# stolen: what the machine's host has taken away so far, s: a thread does not get on meanwhile, and nothing says why.
stolen() { awk -v hz="$(getconf CLK_TCK)" '$1 == "cpu" { printf "%.2f", $9 / hz }' /proc/stat; }

# not_located NAME STOLEN: how much more than 1 % of all thread-seconds are a wait for who knows what, or not accounted for,
# but for what was stolen since the run began, s.
not_located() { ask "$1" "SELECT abs(remainder_s) + unlocated_wait_s - 0.01 * wall_s - ($(stolen) - $2) FROM account"; }

# judge NAME COMPARE STOLEN: a test for each comparison of the run NAME, and that its account closes. While one fails the
# run is made again, twice at most.
judge()
{
	local what got wanted times tries=0 since=$3
	while { off "$1" "$2" || awk "BEGIN { exit !($(not_located "$1" "$since") > 0) }"; } && [ $tries -lt 2 ]; do
		tries=$((tries + 1))
		echo "# further from the truth than 1 %, once more: $last_run"
		since=$(stolen)
		eval "under $last_run"
	done
	off "$1" "$2"
	[ -s "$comparisons" ] || result 1 "$1: nothing to compare"
	while IFS='|' read -r what got wanted times; do
		is_near "$got" "$wanted" "$times"
		result $? "$1: $what ($(awk "BEGIN { printf \"%.4f and %.4f\", ${got//[!0-9.]/0} / 1e9, ${wanted//[!0-9.]/0} / 1e9 }") s)"
	done <"$comparisons"
	holds "$1: what its threads waited for is known but for 1 % ($(ask "$1" 'SELECT round(wall_s, 4), round(cpu_s, 4),
		round(core_wait_s, 4), round(located_wait_s, 4), round(unlocated_wait_s, 4) FROM account'))" \
		"$(not_located "$1" "$since") < 0"
	check "$1: the identities hold in each thread" identity "$1"
}

# of_thread NAME THREAD: the thread's row, by its name or its number; main: the first thread.
of_thread()
{
	case $2 in
	main) ask "$1" 'SELECT id FROM thread WHERE main' ;;
	[0-9]*) ask "$1" "SELECT id FROM thread WHERE tid = $2" ;;
	*) ask "$1" "SELECT id FROM thread WHERE name = '$2'" ;;
	esac
}

# below NAME THREAD METRIC WHAT OBJECT [FUNCTION]: what a thread has of a metric at frames of a kind and name (patterns),
# below a function, ns.
below()
{
	ask "$1" "SELECT coalesce(sum(v.sum), 0) FROM value v JOIN metric k ON k.id = v.metric AND k.name = '$3'
		JOIN node n ON n.id = v.node AND n.kind LIKE '$4' JOIN function f ON f.id = n.function AND f.name LIKE '$5'
		WHERE v.thread = $(of_thread "$1" "$2") ${6:+AND EXISTS (SELECT 1 FROM node a JOIN function g ON g.id = a.function
			WHERE g.name = '$6' AND a.id < n.id AND n.id <= a.last)}"
}

# report NAME EXPRESSION: python's, of the report's JSON.
report() { "$ASSAY" report --json "$1.assay" | "$python" -c "import json, sys; r = json.load(sys.stdin); print($2)"; }
