#!/usr/bin/env bash
# MPI, by each library that is installed: programs in C and Fortran do what they do without us, and every call, byte and
# rank is recorded, against what the programs count themselves.
. "$top_srcdir/tests/e2e/lib.sh"
if [ "$(id -u)" = 0 ]; then
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# launch_with MPI N: by that library's launcher, on however few cores. As an array: $launch.
launch_with()
{
	launch=("mpirun.$1" -n "$2")
	[ "$1" = mpich ] || launch+=(--oversubscribe)
}

# compile_mpi MPI NAME FILE [FLAG...]
compile_mpi()
{
	local mpi=$1 name=$2 file=$3 compiler=mpicc
	shift 3
	[ "${file##*.}" = c ] || compiler=mpif90
	"$compiler.$mpi" -O1 -g -o "$name" "$programs/$file" "$@" >"$name.log" 2>&1 && return
	remark <"$name.log"
	return 1
}

# figures NAME RANK METRIC-GLOB: metric|function|bytes|times, without where the program calls and how many are in it.
figures()
{
	ask "$1" "SELECT m.name, f.name, sum(v.sum), sum(v.count) FROM value v JOIN metric m ON m.id = v.metric
		JOIN node n ON n.id = v.node JOIN function f ON f.id = n.function JOIN thread t ON t.id = v.thread
		JOIN process p ON p.id = t.process WHERE p.rank = $2 AND m.name GLOB '$3' AND m.name NOT LIKE '%hidden'
		GROUP BY f.name, m.name" | sed -E 's/, in [^|]*\|/|/; s/ \([0-9a-z ]* ranks?\)\|/|/' | summed
}

# Lines of metric|function|bytes|times, one for each of the first two. Of times that pass only how often.
summed()
{
	awk -F '|' -v OFS='|' '{ sum[$1 OFS $2] += $3; times[$1 OFS $2] += $4 }
		END { for (k in sum) print k, k ~ /flight/ ? "-" : sum[k], times[k] }' | LC_ALL=C sort
}

# ranks NAME: each process that is one: rank|of how many.
ranks() { ask "$1" "SELECT rank, ranks FROM process WHERE rank IS NOT NULL ORDER BY rank"; }
calls() { ask "$1" "SELECT coalesce(sum(times), 0) FROM measured WHERE metric = 'mpi' AND name LIKE '$2'"; }

# fortran MPI WAY: what a program in Fortran does is recorded once, by whichever module it calls.
fortran()
{
	local name=fortran$2.$1 rank
	if ! compile_mpi "$1" "$name" mpi_fortran.F90 -cpp -ffree-line-length-none "-DWAY=$2"; then
		result 1 "$name: compiles"
		return
	fi
	launch_with "$1" 2
	both "$name" -- "${launch[@]}" "./$name"
	same "$name: its two ranks are known" "$(ranks "$name")" $'0|2\n1|2'
	same "$name: where the program calls" "$(calls "$name" 'MPI_Sendrecv, in mpi_fortran (mpi_fortran.F90:%)')" 20
	for rank in 0 1; do
		same "$name: all that rank $rank moved, once" "$(figures "$name" $rank 'mpi_*' | grep -v flight)" "$(
			grep . <<-END | LC_ALL=C sort
				mpi_from|rank $((1 - rank))|16000|20
				mpi_received|MPI_Allreduce|8000|10
				mpi_received|MPI_Irecv|8000|10
				$([ $rank = 1 ] || echo 'mpi_received|MPI_Reduce|8|1')
				mpi_received|MPI_Sendrecv|8000|10
				mpi_sent|MPI_Allreduce|8000|10
				mpi_sent|MPI_Bcast on MPI_Comm_split of MPI_COMM_WORLD|40|1
				mpi_sent|MPI_Isend|8000|10
				mpi_sent|MPI_Reduce|8|1
				mpi_sent|MPI_Sendrecv|8000|10
				mpi_to|rank $((1 - rank))|16000|20
			END
		)"
	done
}

# dies MPI HOW CALLS: a job that does not end as it should; what all have measured until then is there.
dies()
{
	local name=$2.$1
	launch_with "$1" 2
	# the launchers' words have process ids in them
	bare "$name" "${launch[@]}" "./dies.$1" "$2" 2>/dev/null
	under "$name" -- "${launch[@]}" "./dies.$1" "$2"
	# which of the ranks' ends a launcher sees first is chance: bare, hydra says 5 mostly, and 1 now and then
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		cmp -s "$name.status" "$name.bare.status" && break
		bare "$name" "${launch[@]}" "./dies.$1" "$2" 2>/dev/null
	done
	same "$name: the job's exit status is that of a bare run" "$(cat "$name.status")" "$(cat "$name.bare.status")"
	# a rank may be killed just before its last one returns
	holds "$name: what was done until then is recorded" \
		"$(calls "$name" 'MPI_Allreduce%') <= $3 && $(calls "$name" 'MPI_Allreduce%') >= $3 - 1"
	if [ "$2" = never ]; then
		same "$name: nobody is a rank" "$(ranks "$name")" ''
	else
		same "$name: both ranks are there" "$(ranks "$name")" $'0|2\n1|2'
	fi
}

for mpi in openmpi mpich; do
	if ! command -v "mpicc.$mpi" >/dev/null || ! command -v "mpirun.$mpi" >/dev/null; then
		skip "$mpi" "it is not installed"
		continue
	fi

	if compile_mpi "$mpi" "calls.$mpi" mpi_calls.c; then
		launch_with "$mpi" 3
		both "calls.$mpi" -- "${launch[@]}" "./calls.$mpi" own
		same "calls.$mpi: its three ranks are known" "$(ranks "calls.$mpi")" $'0|3\n1|3\n2|3'
		for rank in 0 1 2; do
			same "calls.$mpi: all that rank $rank moved is recorded, and no more" \
				"$(figures "calls.$mpi" $rank 'mpi_*')" "$(summed <"own.$rank")"
		done
		same "calls.$mpi: nothing was lost" "$(ask "calls.$mpi" "SELECT count(*) FROM measured WHERE metric = 'mpi_not_followed'")" 0
		check "calls.$mpi: the account" identity "calls.$mpi"
	else
		result 1 "calls.$mpi: compiles"
	fi

	for way in 1 2 3; do
		if command -v "mpif90.$mpi" >/dev/null && command -v gfortran >/dev/null; then
			fortran "$mpi" $way
		else
			skip "Fortran with $mpi" "there is no compiler for it"
		fi
	done

	if compile_mpi "$mpi" "object.$mpi" mpi_late.c -DOBJECT -shared -fPIC; then
		$CC -O1 -o late "$programs/mpi_late.c" -ldl
		launch_with "$mpi" 2
		both "late.$mpi" -- "${launch[@]}" ./late "./object.$mpi"
		same "late.$mpi: what it calls in a library that it loaded for itself" "$(calls "late.$mpi" 'MPI_Allreduce%')" 20
		both "late-now.$mpi" -- env LD_BIND_NOW=1 "${launch[@]}" ./late "./object.$mpi"
		same "late-now.$mpi: the same with all bound at once" "$(calls "late-now.$mpi" 'MPI_Allreduce%')" 20
	else
		result 1 "object.$mpi: compiles"
	fi

	if compile_mpi "$mpi" "threads.$mpi" mpi_threads.c -pthread; then
		launch_with "$mpi" 2
		both "threads.$mpi" -- "${launch[@]}" "./threads.$mpi"
		same "threads.$mpi: what four threads sent at once" "$(ask "threads.$mpi" "SELECT sum(amount), sum(times) FROM measured
			WHERE metric = 'mpi_sent' AND name LIKE 'MPI_Isend%'")" '16000|4000'
		same "threads.$mpi: ... and got" "$(ask "threads.$mpi" "SELECT sum(amount), sum(times) FROM measured
			WHERE metric = 'mpi_received' AND name LIKE 'MPI_Irecv%'")" '16000|4000'
	else
		result 1 "threads.$mpi: compiles"
	fi

	if compile_mpi "$mpi" "dies.$mpi" mpi_dies.c; then
		for how in kill abort open twice; do
			dies "$mpi" $how 200
		done
		dies "$mpi" never 0
	else
		result 1 "dies.$mpi: compiles"
	fi
done

# mpi4py, where there is one: which MPI it is for is Debian's choice.
if "$python" -c 'import mpi4py' 2>/dev/null && command -v mpirun >/dev/null; then
	cat >four.py <<-'END'
		from mpi4py import MPI
		world = MPI.COMM_WORLD
		total = world.allreduce(world.rank + 1)
		world.Barrier()
		if world.rank == 0:
		    print(total)
	END
	launch=(mpirun -n 2)
	mpirun --version 2>/dev/null | grep -q 'Open MPI' && launch+=(--oversubscribe)
	both mpi4py -- "${launch[@]}" "$python" four.py
	same 'mpi4py: both ranks are known' "$(ranks mpi4py)" $'0|2\n1|2'
	same 'mpi4py: and what they called' "$(calls mpi4py 'MPI_Barrier%')" 2
else
	skip mpi4py 'it is not installed'
fi

both none -- env LD_BIND_NOW=1 /bin/sh -c 'echo no MPI here'
same 'a process without MPI has recorded nothing of it' "$(ask none "SELECT count(*) FROM measured WHERE metric LIKE 'mpi%'")" 0
finish
