/*
 * team.h: the teams of parallel regions, and their members.
 *
 * Owns a pool of them, of a fixed size, taken from and given back to without locks and never freed. What a member writes
 * lies in a cache line of its own.
 */
#ifndef ASSAY_OPENMP_TEAM_H
#define ASSAY_OPENMP_TEAM_H

#include "openmp.h"

enum {
	ASSAY_OPENMP_TEAMS = 128,      /* open at once */
	ASSAY_OPENMP_CHUNK = 16,       /* members that come together */
	ASSAY_OPENMP_CHUNKS = 256,     /* of all teams */
	ASSAY_OPENMP_TEAM_CHUNKS = 64, /* of one, so 1024 members; of those beyond, the wait at the end is not recorded */
};

/* A thread's part in a region. Written by that thread; read by the one that opened the region when it is over. */
struct assay_openmp_member {
	_Alignas(64) struct assay_openmp_member *outer; /* that it worked in before */
	struct assay_openmp_team *team;
	uint64_t begin_ns, waited_ns; /* when it began, and how long the thread had waited until then */
	uint64_t work_ns;             /* how long it worked: known at its end */
	assay_plugin_dock *end;       /* where the host wants to know when the region was over; NULL: nowhere */
	const void *sp;               /* below which lies what it does */
	uint32_t generation;          /* of the team, when it was used last */
	bool opens;                   /* the thread is the one that opened the region */
	bool adopted;                 /* what it does is told to be part of the region */
};

struct assay_openmp_runtime;

struct assay_openmp_chunk {
	struct assay_openmp_member members[ASSAY_OPENMP_CHUNK];
};

/*
 * All that members read of a region when they begin, in one cache line; in libgomp's regions it is what their threads get in
 * place of the program's pointer. Written before the region begins, and not in it.
 */
struct assay_openmp_block {
	_Alignas(64) void *first; /* of a region with task reductions: the runtime looks for it there */
	void (*fn)(void *);
	void *data;
	const struct assay_host *host;
	struct assay_openmp_runtime *runtime;
	struct assay_openmp_team *team;   /* NULL: too many are open */
	struct assay_openmp_chunk *chunk; /* the first members, or NULL */
	uint32_t place;                   /* the region's, in the tree; 0: there is none */
	uint32_t generation;              /* one more with each region */
};

struct assay_openmp_team {
	struct assay_openmp_block block;
	_Alignas(64) _Atomic uint32_t threads; /* how many members may have been used */
	const void *caller;                    /* the address that the call which opened the region returns to */
	const void *sp;                        /* by which the opener adopted the place, NULL: it did not */
	struct assay_openmp_team *outer;       /* of `started` */
	struct assay_openmp_member *master;    /* the opener's own part, NULL: it has not begun */
	_Atomic(struct assay_openmp_chunk *) chunks[ASSAY_OPENMP_TEAM_CHUNKS];
};

/* A team for a region that this thread opens; NULL: too many are open. Its chunks may be there from before. */
struct assay_openmp_team *assay_openmp_team_take(void);

/* Any thread, once: the region is over and nobody is in it. */
void assay_openmp_team_give(struct assay_openmp_team *team);

/* The team that the thread keeps for its next region goes back. At its end. */
void assay_openmp_team_give_spare(void);

/* The team's member `index`, used or not; NULL: there is no room for so many. Members call it at the same time. */
struct assay_openmp_member *assay_openmp_team_member(struct assay_openmp_team *team, uint32_t index);

#endif
