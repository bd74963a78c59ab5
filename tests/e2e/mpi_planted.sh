#!/usr/bin/env bash
# The samples of MPI: what each rank waits and sends, against its own clock and count, by each library that is installed.
. "$top_srcdir/tests/e2e/lib.sh"
if [ "$(id -u)" = 0 ]; then
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
ranks=3

# of NAME RANK METRIC FUNCTION: the sum, and how often.
of()
{
	ask "$1" "SELECT coalesce(sum(v.sum), 0), coalesce(sum(v.count), 0) FROM value v JOIN metric m ON m.id = v.metric
		JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function JOIN thread t ON t.id = v.thread
		JOIN process p ON p.id = t.process WHERE p.rank = $2 AND m.name = '$3' AND f.name LIKE '$4, in %'"
}

# sample MPI NAME FORM: bare, with the truth to be compared later, and under Assay: standard output must be the same.
sample()
{
	local launch=("mpirun.$1" -n $ranks) name=$2-$3.$1
	[ "$1" = mpich ] || launch+=(--oversubscribe)
	bare "$name" "${launch[@]}" "./$2.$1" "$3"
	under "$name" -- "${launch[@]}" "./$2.$1" "$3" --truth
	same "$name: the answer is that of the bare run" "$(cat "$name.out")" "$(cat "$name.bare.out")"
	grep -E '^rank[0-9]+ ' "$name.err" >"$name.truth"
}

# waits MPI NAME FORM FUNCTION: as long as the ranks say themselves, to 1 % (and 20 us a call: their clocks are read outside).
waits()
{
	local name=$2-$3.$1 rank what ns times got
	while read -r rank what ns times; do
		[ "$what" = "$4" ] && [ "$times" != 0 ] || continue
		rank=${rank#rank}
		got=$(of "$name" "$rank" mpi "$4")
		same "$name: rank $rank was $times times in $4" "${got#*|}" "$times"
		got=${got%|*}
		holds "$name: ... for $(awk "BEGIN { print $ns / 1e6 }") ms ($(awk "BEGIN { print $got / 1e6 }") in the profile)" \
			"$got > 0.99 * $ns - 20000 * $times && $got < 1.001 * $ns"
	done <"$name.truth"
	holds "$name: which $(grep -c " $4 " "$name.truth") ranks say" "$(grep -c " $4 " "$name.truth") == $ranks"
}

for mpi in openmpi mpich; do
	if ! command -v "mpicc.$mpi" >/dev/null || ! command -v "mpirun.$mpi" >/dev/null; then
		skip "$mpi" "it is not installed"
		continue
	fi
	for name in halo chain parcels; do
		"mpicc.$mpi" -O2 -g -o "$name.$mpi" "$top_srcdir/samples/mpi/$name.c" >"$name.log" 2>&1 || remark <"$name.log"
	done
	for form in slow improved; do
		sample "$mpi" halo $form
		waits "$mpi" halo $form MPI_Waitall
		sample "$mpi" parcels $form
	done
	same "halo.$mpi: both forms find the same" "$(cat "halo-improved.$mpi.out")" "$(cat "halo-slow.$mpi.out")"
	same "parcels.$mpi: both forms find the same" "$(cat "parcels-improved.$mpi.out")" "$(cat "parcels-slow.$mpi.out")"
	same "parcels.$mpi: a message a number" "$(of "parcels-slow.$mpi" 0 mpi_sent MPI_Send)" '960000|120000'
	same "parcels.$mpi: the same bytes in fewer" "$(of "parcels-improved.$mpi" 0 mpi_sent MPI_Send)" '960000|120'
	sample "$mpi" chain slow
	waits "$mpi" chain slow MPI_Recv
	sample "$mpi" chain improved
	same "chain.$mpi: both forms find the same" "$(cat "chain-improved.$mpi.out")" "$(cat "chain-slow.$mpi.out")"
	same "chain.$mpi: the improved form receives nothing from a neighbour" "$(of "chain-improved.$mpi" 1 mpi MPI_Recv)" '0|0'
done
finish
