/*
 * task.h: explicit tasks of libgomp.
 *
 * Owns the header that goes in front of a task's arguments. libgomp copies the arguments of a task when it is made, and
 * runs it later with the copy; so what ours is to know of the task goes where the arguments go:
 *
 *   as the program has them      [arguments]
 *   as we hand them on           [header | arguments]      sizes rounded up, so that both are aligned
 *
 * The runtime writes to the first words of what it is given: the event of a task with `detach`, the bounds of a taskloop.
 * Those words of the header are copied to the program's arguments when the task begins.
 */
#ifndef ASSAY_OPENMP_TASK_H
#define ASSAY_OPENMP_TASK_H

#include "openmp.h"

/* Which of the header's first words the program's arguments are to get. */
enum { ASSAY_OPENMP_TASK_PLAIN = 0, ASSAY_OPENMP_TASK_DETACH = 1, ASSAY_OPENMP_TASK_LOOP = 2 };

/* Arguments that are larger are left to the runtime as they are: a second copy on the stack could be too much. */
enum { ASSAY_OPENMP_TASK_MAX = 64 * 1024 };

struct assay_openmp_task_header {
	uint64_t words[2];   /* that the runtime writes */
	void *reductions;    /* of a taskloop: where the runtime looks for it, behind two words */
	void (*fn)(void *);
	struct assay_openmp_runtime *runtime;
	uint32_t offset;     /* of the program's arguments */
	uint32_t copied;     /* words to be copied */
	/* for the making only, and not copied with the rest: */
	void (*copy)(void *, void *); /* the program's own, or NULL */
	void *data;
	size_t size;
};

/* What a task with arguments of that size and alignment is to be made with. False: leave it alone. */
struct assay_openmp_task_layout {
	size_t offset, size, align; /* of the arguments; of all; of all */
};
bool assay_openmp_task_layout(long size, long align, struct assay_openmp_task_layout *layout);

/*
 * Fills `memory` (of the layout's size, aligned) for a task of `fn` and `data`. `copy`: the program's, to be called by the
 * runtime through assay_openmp_task_copy; if NULL, the arguments are copied to the memory.
 */
void assay_openmp_task_fill(void *memory, const struct assay_openmp_task_layout *layout, unsigned copied,
	struct assay_openmp_runtime *runtime, void (*fn)(void *), void *data, void (*copy)(void *, void *), size_t size);

/* The runtime's calls: the copying, and the task itself. */
void assay_openmp_task_copy(void *to, void *from);
void assay_openmp_task_run(void *memory);

#endif
