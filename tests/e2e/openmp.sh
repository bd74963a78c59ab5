#!/usr/bin/env bash
# OpenMP programs of gcc, clang and gfortran do what they do without Assay, by every construct, on both runtimes and on
# several at once; and what was counted of them is what they did.
. "$top_srcdir/tests/e2e/lib.sh"

unset OMP_NUM_THREADS OMP_WAIT_POLICY OMP_CANCELLATION OMP_SCHEDULE OMP_TOOL OMP_TOOL_LIBRARIES
clang=$(command -v clang || true)
libomp=
if [ -n "$clang" ]; then
	echo 'int main(void) { return 0; }' >empty.c
	"$clang" -fopenmp -o empty empty.c 2>/dev/null && libomp=$(ldd ./empty | sed -n 's/.*libomp[^ ]* => \([^ ]*\) .*/\1/p')
fi
libgomp=$(gcc -print-file-name=libgomp.so.1)

# make_program NAME COMPILER FILE [FLAG...]
make_program()
{
	local name=$1 compiler=$2 file=$3
	shift 3
	"$compiler" -O2 -g -fno-inline -fopenmp -o "$name" "$programs/$file" "$@" -pthread >"$name.cc.log" 2>&1 && return
	echo "Bail out! $file does not compile: $(grep -m 3 -i error "$name.cc.log" | tr '\n' ' ')"
	exit 1
}

# times NAME METRIC [WHERE]: how often it was put down.
times() { ask "$1" "SELECT coalesce(sum(times), 0) FROM measured WHERE metric = '$2' ${3:+AND $3}"; }
amount() { ask "$1" "SELECT coalesce(sum(amount), 0) FROM measured WHERE metric = '$2' ${3:+AND $3}"; }

# ---- every construct, with all policies and sizes

# constructs NAME: of one build.
constructs()
{
	local policy threads cancel
	for policy in active passive; do
		for threads in 1 2 4; do
			cancel=$([ "$threads" = 2 ] && echo true || echo false)
			export OMP_WAIT_POLICY=$policy OMP_NUM_THREADS=$threads OMP_CANCELLATION=$cancel OMP_SCHEDULE=guided,2
			both "$1-$policy-$threads" --plugins=openmp -- "./$1" short
		done
	done
	unset OMP_WAIT_POLICY OMP_NUM_THREADS OMP_CANCELLATION OMP_SCHEDULE
	check "$1: no time is lost or twice there" identity "$1-passive-2"
}

make_program constructs-gcc g++ openmp_constructs.cc
constructs constructs-gcc
export OMP_NUM_THREADS=2
both many --plugins=openmp -- ./constructs-gcc
holds "gcc: each of 10,000 regions in a row was seen" "$(times many omp_region "name LIKE 'many%'") == 10000"
holds "gcc: and both threads' work in it" "$(times many omp_work "name LIKE 'many%'") == 20000"
holds "gcc: as many tasks as were made at the end of a region" "$(amount many tasks "name LIKE 'tasks_at_end%'") == 300"
holds "gcc: critical sections are told apart" \
	"$(times many critical "name = 'unnamed'") >= 2000 && $(times many critical "name = '.gomp_critical_user_name'") == 2000"
holds "gcc: locks by their names, and heap's by where they are taken" \
	"$(times many critical "name LIKE '%fixed%'") == 2400 && $(times many critical "name LIKE 'locks%'") > 1200"
unset OMP_NUM_THREADS

if [ -n "$libomp" ]; then
	make_program constructs-clang clang++ openmp_constructs.cc
	constructs constructs-clang
	export OMP_NUM_THREADS=2
	both many-clang --plugins=openmp -- ./constructs-clang
	holds "clang: each of 10,000 regions in a row was seen" "$(times many-clang omp_region "name LIKE '%many%'") == 10000"
	holds "clang: and both threads' work in it" "$(times many-clang omp_work "name LIKE '%many%'") == 20000"
	holds "clang: as many tasks as were made at the end of a region" \
		"$(amount many-clang tasks "name LIKE '%tasks_at_end%'") == 300"
	unset OMP_NUM_THREADS
else
	skip 'programs of clang' 'clang has no OpenMP (Debian: libomp-dev)'
fi

make_program numbers gfortran openmp_numbers.f90
for threads in 1 3; do
	export OMP_NUM_THREADS=$threads
	both "numbers-$threads" --plugins=openmp -- ./numbers
done
unset OMP_NUM_THREADS
holds "Fortran's regions, tasks and locks" "$(times numbers-3 omp_region) == 2 && $(amount numbers-3 tasks) == 38 &&
	$(times numbers-3 critical) == 10"

# ---- gcc's programs of long ago, and those that end inside

gcc -O2 -g -o old "$programs/openmp_old.c" "$libgomp" || { echo 'Bail out! openmp_old.c does not compile'; exit 1; }
both old --plugins=openmp -- ./old
holds "gcc before 4.9: regions, nested ones too" "$(times old omp_region) == 20 && $(times old omp_work) == 40"

make_program ends gcc openmp_ends.c
for how in exit quick kill pthread; do
	both "ends-$how" --plugins=openmp -- ./ends $how
	holds "ends-$how: the time in the region is there" "$(amount "ends-$how" omp_region) > 0.3"
done

# ---- outside regions, and out of them by a fork

make_program outside gcc openmp_outside.c
under outside --plugins=openmp -- ./outside
holds "a taskloop outside regions is computing, not waiting" \
	"$(amount outside omp_waits) < 1e-10 * $(cat outside.out) &&
	$(ask outside "SELECT exclusive_s FROM hot_functions WHERE name = 'compute'") > 5e-10 * $(cat outside.out)"

make_program forks gcc openmp_forks.c
both forks --plugins=openmp -- ./forks
same "a child made in a region counts its own regions only" "$(ask forks "SELECT substr(name, 1, instr(name, ' ') - 1), metric,
	sum(times) FROM measured WHERE metric IN ('omp_region', 'omp_work', 'omp_longest') GROUP BY 1, 2 ORDER BY 1, 2" | tr '\n' ' ')" \
	'childs_own|omp_longest|1 childs_own|omp_region|1 childs_own|omp_work|1 forks|omp_longest|1 forks|omp_region|1 forks|omp_work|1 '

# ---- several runtimes at once

# A libgomp of their own, as Python's wheels bring it: under another name, and for themselves alone.
libraries=()
for x in x y; do
	sed "s/libgomp\.so\.1/libgomp-$x.so/g" "$libgomp" >"libgomp-$x.so"
	gcc -O2 -g -fPIC -fopenmp -DNAME=sum_$x -c -o "module_$x.o" "$programs/openmp_library.c" &&
		gcc -shared -o "module_$x.so" "module_$x.o" "./libgomp-$x.so" -Wl,-rpath,"$PWD" && libraries+=("./module_$x.so" "sum_$x")
done
gcc -O2 -g -fPIC -fopenmp -shared -DINIT -DNAME=sum_init -o module_init.so "$programs/openmp_library.c" &&
	libraries+=(./module_init.so sum_init)
if [ -n "$libomp" ]; then
	clang -O2 -g -fPIC -fopenmp -shared -DINIT -DNAME=sum_clang -o module_clang.so "$programs/openmp_library.c" &&
		libraries+=(./module_clang.so sum_clang)
fi
compile openmp_loads.c
same "libraries with runtimes of their own" "${#libraries[@]}" "$([ -n "$libomp" ] && echo 8 || echo 6)"
both loads --plugins=openmp -- ./openmp_loads "${libraries[@]}"
same "each library's regions are those of its own runtime" "$(ask loads "SELECT substr(name, 1, instr(name, ' ') - 1), sum(times)
	FROM measured WHERE metric = 'omp_region' AND name LIKE 'sum%' GROUP BY 1 ORDER BY 1" | tr '\n' ' ')" \
	"${libomp:+sum_clang|200 }sum_init|200 sum_x|200 sum_y|200 "

if [ -n "$libomp" ]; then
	# gcc's programs on LLVM's runtime (which fails of some constructs by itself): told by OMPT alone
	export LD_PRELOAD=$libomp OMP_NUM_THREADS=2
	both swapped --plugins=openmp -- ./numbers
	both swapped-ends --plugins=openmp -- ./ends pthread
	unset LD_PRELOAD OMP_NUM_THREADS
	holds "gcc's program on LLVM's runtime: each region once" \
		"$(times swapped omp_region) == 2 && $(amount swapped tasks) == 38 && $(times swapped-ends omp_region) == 3"
	under asked --plugins=openmp:runtime=llvm -- ./numbers
	same "... nothing is said where it was asked for and is there" "$(grep openmp asked.err)" ''
	check '... the program says what it does on its own' cmp asked.out swapped.out
	holds "... its regions are told once" "$(times asked omp_region) == 2 && $(amount asked tasks) == 38"

	# a tool of the user's own comes first, however it is given
	"$CC" -O2 -fPIC -shared -o tool.so "$programs/openmp_tool.c"
	export OMP_NUM_THREADS=2 OMP_TOOL_LIBRARIES=$PWD/tool.so
	both tool-named --plugins=openmp -- ./constructs-clang short
	unset OMP_TOOL_LIBRARIES
	check "... and was there" grep -q "^the user's tool" tool-named.bare.out
	export LD_PRELOAD=$PWD/tool.so
	both tool-preloaded --plugins=openmp -- ./constructs-clang short
	unset LD_PRELOAD
	check "... and was there" grep -q "^the user's tool" tool-preloaded.bare.out
	export OMP_TOOL=disabled
	both tool-disabled --plugins=openmp -- ./constructs-clang short
	unset OMP_TOOL OMP_NUM_THREADS
fi

under refused --plugins=openmp:runtime=gnu -- ./numbers
like "an unknown runtime is refused, and the program runs" "$(cat refused.status) $(grep openmp: refused.err)" \
	'0 *runtime= is own or llvm*'

# ---- nothing where there is no OpenMP

compile hot.c
under none --plugins=openmp -- ./hot
same "without OpenMP nothing is recorded" "$(ask none "SELECT count(*) FROM measured WHERE metric LIKE 'omp%'")" 0
same "... and no frame is made" "$(ask none "SELECT count(*) FROM node WHERE kind LIKE 'omp%'")" 0
like "assay plugins lists it" "$("$ASSAY" plugins)" '*openmp: parallel regions of OpenMP*'

# ---- the table

nm -D --defined-only "$libgomp" | awk '{ sub(/@.*/, "", $3); print $3 }' | grep -E '^GOMP_[a-z]' | sort -u >exported
# not_decided: exported functions in neither list.
not_decided()
{
	local name pattern
	while read -r name; do
		grep -Eq "\| $name +\|" "$top_srcdir/plugins/openmp/gomp.tab" && continue
		while read -r pattern _; do
			# shellcheck disable=SC2053
			[[ $name == $pattern ]] && continue 2
		done < <(grep -v '^#' "$top_srcdir/plugins/openmp/gomp.left")
		echo "$name"
	done <exported
}
holds "libgomp's functions were found" "$(wc -l <exported) > 100"
same "each of them is interposed or has a reason not to be" "$(not_decided | tr '\n' ' ')" ''
finish
