/*
 * Where a program in Fortran calls MPI. The functions for Fortran call those for C, which are interposed (mpi.in.c); but
 * from there the place that called is the library's. These, in front of them, note where the program is, and nothing more.
 *
 * Fortran passes all by reference, and lengths of strings behind: none has more than these words. Those that a call does
 * not have are whatever lies there, and are handed on as such.
 */
#include "call.h"

#define EXPORT __attribute__((visibility("default")))
typedef uintptr_t word;
#define WORDS word a, word b, word c, word d, word e, word f, word g, word h, word i, word j, word k, word l, word m, \
	word n, word o, word p
#define ALL a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p

@@for FORTRAN
EXPORT __attribute__((cold)) @RETURN@ @NAME@(WORDS); /* cold: small */
EXPORT @RETURN@ @NAME@(WORDS)
{
	static struct assay_mpi_function this ASSAY_MPI_COLD_DATA = { .name = "@NAME@" };
	void (*behind)(WORDS) = (void (*)(WORDS))assay_mpi_behind(&this, __builtin_return_address(0));

	assay_mpi_fortran_site = (const char *)__builtin_return_address(0) - 1;
	assay_mpi_fortran_sp = (uintptr_t)__builtin_dwarf_cfa();
	behind(ALL);
	assay_mpi_fortran_sp = 0;
}
@@end
