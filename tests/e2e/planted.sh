#!/usr/bin/env bash
# Planted shares: samples/phases spends 60, 30 and 10 % of its time in three functions. Over many short runs the
# printed intervals must hold these values as often as 95 % intervals do, be no wider than the results' scatter
# warrants, and be centred on the truth. Binomial and normal bounds are such that a right profiler fails less than
# once in 10,000 runs of this test. Then: the weights of a longer run add up to the CPU time that the kernel counted.
. "$top_srcdir/tests/e2e/lib.sh"
runs=${PLANTED_RUNS:-40}
phases=$top_builddir/samples/phases/phases

# one CLOCK THREADS NUMBER: the report's JSON of one run.
one()
{
	"$ASSAY" run -q -o "$1-$2-$3.assay" --clock="$1" "$phases" -t "$2" -s "$(awk "BEGIN { print 0.4 / $2 }")" >"$1-$2-$3.out" &&
		"$ASSAY" report --json "$1-$2-$3.assay" >"$1-$2-$3.json"
}
export -f one
export phases

judge()
{
	"$python" - "$1" "$2" "$runs" <<'END'
import json, math, sys
clock, threads, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
planted = {"phase_sixty": 60.0, "phase_thirty": 30.0, "phase_ten": 10.0}
ALPHA = 1e-4 / 60  # about 60 comparisons are made in all, both clocks and both thread counts

def tail(n, k, p=0.05):
    "probability of k or more of n"
    return sum(math.comb(n, i) * p**i * (1 - p)**(n - i) for i in range(k, n + 1))

rows = {name: [] for name in planted}
samples = 0
for i in range(runs):
    functions = json.load(open(f"{clock}-{threads}-{i}.json"))["functions"]
    found = {f["function"]: f for f in functions if f["function"] in planted}
    total = sum(f["exclusive_s"] for f in found.values())
    samples += sum(f["samples"] for f in found.values())
    for name in planted:
        f = found.get(name, {"exclusive_percent": 0.0, "exclusive_error": 0.0, "exclusive_s": 0.0})
        rows[name].append((f["exclusive_percent"], f["exclusive_error"] or 0.0, 100 * f["exclusive_s"] / total))
bad = False
def say(good, text):
    global bad
    bad |= not good
    print(("  " if good else "* ") + text)
say(samples / runs > 20, f"{samples / runs:.0f} samples a run")
for name, truth in planted.items():
    r = rows[name]
    missed = sum(abs(p - truth) > e for p, e, _ in r)
    say(tail(runs, missed) > ALPHA, f"{name}: {missed} of {runs} intervals miss {truth} %")
    mean = sum(s for _, _, s in r) / runs
    sd = math.sqrt(sum((s - mean)**2 for _, _, s in r) / (runs - 1))
    # 5.5 standard errors: once in 10^6 even with Student's tails for 39 degrees of freedom
    say(abs(mean - truth) < 5.5 * sd / math.sqrt(runs), f"{name}: mean {mean:.2f} % +- {sd / math.sqrt(runs):.2f}")
    width = sum(e for _, e, _ in r) / runs
    # relative standard error of a standard deviation: 1 / sqrt(2 n)
    slack = 1 + 5.5 / math.sqrt(2 * runs)
    say(width / 1.96 < sd * slack * 1.15, f"{name}: printed +- {width:.2f}, 1.96 standard deviations are {1.96 * sd:.2f}")
sys.exit(bad)
END
}

# too_light PROFILE THREADS SLACK
too_light()
{
	[ "$(ask "$1" "SELECT sum(cpu_ns) - sum(sampled_ns) - sum(startup_ns) >= $3 * sum(cpu_ns) + $2 * 10e6 FROM thread")" = 1 ]
}

# weights CLOCK THREADS: what the samples weigh, what the thread clocks say and what the kernel's account says agree.
weights()
{
	local name=weights-$1-$2 sampled cpu kernel slack=0.005
	# At most a period per thread (jitter included) stays unsampled; by the perf clock, what the kernel took too, or the
	# host of a virtual machine.
	[ "$1" = cpu ] || slack=0.05
	under "$name" --clock="$1" -- "$phases" -t "$2" -s "$(awk "BEGIN { print 2.4 / $2 }")"
	again_while_too_few too_light "$name" "$2" $slack
	check "$1 clock, $2 threads: wall = CPU + core wait + wait, CPU = sampled + start-up + unsampled" identity "$name"
	IFS='|' read -r sampled cpu kernel < <(ask "$name" "SELECT sum(sampled_ns) + sum(startup_ns), sum(cpu_ns),
		(SELECT value FROM run WHERE key = 'kernel_cpu_ns') FROM thread")
	holds "$1 clock, $2 threads: what the samples weigh is the threads' CPU time within 100 * $slack % and a last period each" \
		"$cpu > 1e9 && $cpu - $sampled < $slack * $cpu + $2 * 10e6 && $sampled - $cpu < 0.005 * $cpu"
	holds "$1 clock, $2 threads: the threads' CPU time is the kernel's within 0.5 %" \
		"$cpu > 1e9 && ($cpu - $kernel)^2 < (0.005 * $kernel)^2"
}

for clock in cpu perf; do
	refused=
	[ $clock = cpu ] || refused=$(perf_refused)
	for threads in 1 4; do
		what="$clock clock, $threads threads: 60/30/10 within the printed ±"
		if [ -n "$refused" ]; then
			skip "$what" "$refused"
			continue
		fi
		# shellcheck disable=SC2016
		seq 0 $((runs - 1)) | xargs -P "$(nproc)" -I N bash -c 'one "$@"' one $clock $threads N
		check "$what" judge $clock $threads
		judge $clock $threads 2>&1 | remark
		weights $clock $threads
	done
done
finish
