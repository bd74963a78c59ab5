#!/usr/bin/env bash
# What the plugin mpi interposes, and takes a library to be, against each mpi.h that is installed: the types of all
# functions, that none is forgotten, and the constants of both binary interfaces.
. "$top_srcdir/tests/e2e/lib.sh"
plugin=$top_srcdir/plugins/mpi
awk -f "$plugin/large.awk" "$plugin/mpi.tab" >whole.tab
awk -F ' [|] ' '{ print "P" $2 }' whole.tab | sort >table
grep -v '^#' "$plugin/mpi.left" | awk 'NF' >left

# declared MPI: what its mpi.h declares for tools.
declared() { echo '#include <mpi.h>' | "mpicc.$1" -E -P -x c - | grep -oE '\bPMPIX?_[A-Za-z0-9_]+' | sort -u; }

# typed MPI TABLE: the table's types are those of mpi.h.
typed()
{
	awk -f "$top_srcdir/build-aux/interpose.awk" "$programs/mpi_types.in.c" "$2" >types.c || return
	sed 's/^/#define HAS_/' "declared.$1" >has.h
	"mpicc.$1" -c -Werror=incompatible-pointer-types -Werror=int-conversion -include has.h -o types.o types.c
}

# missed NAMES: those that are neither in the table nor left out with a reason, or both.
missed()
{
	local name pattern rest is
	while read -r name; do
		is=
		grep -qx "$name" table && is=x
		while read -r pattern rest; do
			# shellcheck disable=SC2053
			[[ $name == $pattern && -n $rest ]] && { is=${is}l; break; }
		done <left
		case $is in
		'') echo "$name: neither in mpi.tab nor in mpi.left" ;;
		xl) echo "$name: in mpi.tab and in mpi.left" ;;
		esac
	done <"$1"
}

any=
for mpi in openmpi mpich; do
	if ! command -v "mpicc.$mpi" >/dev/null; then
		skip "$mpi" "mpicc.$mpi is not installed"
		continue
	fi
	any=yes
	declared "$mpi" >"declared.$mpi"
	holds "$mpi: its mpi.h declares $(wc -l <"declared.$mpi") functions for tools" "$(wc -l <"declared.$mpi") > 350"
	check "$mpi: those in the table have the table's types" typed "$mpi" whole.tab
	holds "$mpi: ... which was seen of $(grep -cFxf table "declared.$mpi")" "$(grep -cFxf table "declared.$mpi") > 170"
	sed 's/MPI_Aint target_disp/int target_disp/' whole.tab >wrong.tab
	typed "$mpi" wrong.tab 2>errors
	result "$((! $?))" "$mpi: ... and a wrong type is found" || remark <errors
	same "$mpi: each is in the table, or left out for a reason" "$(missed "declared.$mpi")" ''
	if [ "$mpi" = openmpi ] && [ "$(id -u)" = 0 ]; then
		export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
	fi
	"mpicc.$mpi" -o "theirs.$mpi" "$programs/mpi_constants.c" 2>errors || remark <errors
	$CC -DOURS -o ours "$programs/mpi_constants.c" -I"$plugin" -I"$top_srcdir/include" \
		"$top_builddir/plugins/.libs/libassaympi.a" "$top_builddir/core/.libs/next.o" 2>errors || remark <errors
	"./theirs.$mpi" status >"status.$mpi"
	same "$mpi: its constants and statuses are as the plugin has them" "$(./ours "$mpi" <"status.$mpi")" "$("./theirs.$mpi")"
done
if [ "$any" ]; then
	cat declared.* | sort -u >declared
	same 'the table has nothing that nobody has' "$(comm -23 table declared)" ''
	while read -r pattern rest; do
		# shellcheck disable=SC2254
		used=$(while read -r name; do case $name in $pattern) echo 1; break ;; esac; done <declared)
		[ "$used" ] || echo "$pattern"
	done <left >unused
	if command -v mpicc.openmpi >/dev/null && command -v mpicc.mpich >/dev/null; then
		same 'nor has mpi.left' "$(cat unused)" ''
	fi
fi
finish
