#!/usr/bin/env bash
# OpenMP and the loader: libraries that go and others that take their place, runtimes for some and for all, constructors that
# wait, errors not asked for yet, and no runtime at all. Measured and not, each program does what it does without Assay.
. "$top_srcdir/tests/e2e/lib.sh"

unset OMP_NUM_THREADS OMP_WAIT_POLICY OMP_TOOL OMP_TOOL_LIBRARIES
libgomp=$(gcc -print-file-name=libgomp.so.1)
compile openmp_opens.c

# Two runtimes under names of their own, each with a module.
for x in x y; do
	sed "s/libgomp\.so\.1/libgomp-$x.so/g" "$libgomp" >"libgomp-$x.so"
	gcc -O2 -g -fPIC -fopenmp -c -o "module_$x.o" "$programs/openmp_module.c" &&
		gcc -shared -o "module_$x.so" "module_$x.o" "./libgomp-$x.so" -Wl,-rpath,"$PWD" || echo 'Bail out! no module'
done
gcc -O2 -g -fPIC -fopenmp -DINIT -shared -o init.so "$programs/openmp_module.c" -pthread || echo 'Bail out! no module'
gcc -O2 -g -fopenmp -o openmp_error "$programs/openmp_error.c" || echo 'Bail out! openmp_error.c does not compile'
compile openmp_alone.c

for plugins in openmp none; do
	# the runtimes stay: threads of one that goes would go on without their code
	both "unload-$plugins" --plugins=$plugins -- ./openmp_opens keep=./libgomp-x.so keep=./libgomp-y.so ./module_x.so \
		./module_y.so ./module_x.so
	same "... each of the right runtime, and one where another was" "$(cat "unload-$plugins.out")" "./module_x.so: 32
./module_y.so: 32, where the last one was
./module_x.so: 32, where the last one was"

	# the first one comes before the module's own, for all of its functions
	both "global-$plugins" --plugins=$plugins -- ./openmp_opens global=./libgomp-x.so keep=./libgomp-y.so ./module_y.so
	same "... each of the right runtime" "$(cat "global-$plugins.out")" './module_y.so: 32'

	both "init-$plugins" --plugins=$plugins -- timeout 60 ./openmp_opens keep=./init.so
	like "... the constructor's thread has its numbers" "$(cat "init-$plugins.out")" 'constructor: 32'
	both "error-$plugins" --plugins=$plugins -- ./openmp_error
	like "... and the error is told" "$(cat "error-$plugins.out")" '1 /no/such/thing.so:*'
	both "alone-$plugins" --plugins=$plugins -- ./openmp_alone
	same "... all was done once" "$(cat "alone-$plugins.out")" '1 part, 15 iterations, 1 copied, 1'
done
same "regions of a library count as its own, wherever another was" "$(ask unload-openmp "SELECT substr(name, 1, 7), sum(times)
	FROM measured WHERE metric = 'omp_region' GROUP BY 1")" 'numbers|3'
finish
