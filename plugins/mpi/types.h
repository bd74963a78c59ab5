/*
 * types.h: the types of MPI's functions, as they are passed, whatever the library.
 *
 * The binary interfaces of Open MPI and MPICH differ in what a handle is (a pointer; an int), in the layout of a status,
 * and in constants. A handle is passed in a register or a word of the stack either way, so that one function can stand
 * before both: here it is a word, of which only `assay_mpi_handle` (library.h) knows how much counts. What MPI has
 * pointers to (handles, statuses) is never touched but by the functions of library.h. A test compiles mpi.tab as a
 * caller against each installed mpi.h, so that no parameter has another type than here.
 */
#ifndef ASSAY_PLUGINS_MPI_TYPES_H
#define ASSAY_PLUGINS_MPI_TYPES_H

#include <stdint.h>

typedef uintptr_t MPI_Comm;
typedef uintptr_t MPI_Datatype;
typedef uintptr_t MPI_Errhandler;
typedef uintptr_t MPI_File;
typedef uintptr_t MPI_Group;
typedef uintptr_t MPI_Info;
typedef uintptr_t MPI_Message;
typedef uintptr_t MPI_Op;
typedef uintptr_t MPI_Request;
typedef uintptr_t MPI_Session;
typedef uintptr_t MPI_Win;

typedef struct assay_mpi_status MPI_Status; /* 24 bytes in Open MPI, 20 in MPICH */

/* The same in both. */
typedef long MPI_Aint;
typedef long long MPI_Offset;
typedef long long MPI_Count;

#endif
