/*
 * region.h: parallel regions and tasks, as both runtimes tell of them.
 *
 * Owns what a thread does at the begin and the end of its part in a region, and of a task. The runtimes' own waiting, which
 * cannot be interposed (the workers' at a region's end, and idle), is told to the host when a part is over.
 */
#ifndef ASSAY_OPENMP_REGION_H
#define ASSAY_OPENMP_REGION_H

#include "callers.h"
#include "openmp.h"
#include "team.h"

/*
 * The thread opens a region by a call that returns to `caller`. `sp`: where it does its own part in functions that lie below
 * that, and not by a _member_begin with an `sp` of its own; else NULL. The team is to be given to _close in the same thread;
 * NULL: too many are open. Inline, for a function less is one less for the host to walk over.
 */
__attribute__((always_inline)) static inline struct assay_openmp_team *assay_openmp_region_open(
	const struct assay_host *host, const void *caller, const void *sp)
{
	struct assay_openmp_team *team = assay_openmp_team_take();

	if (!team)
		return NULL;
	team->caller = caller;
	team->block.place = host->here(assay_openmp_call(host, "omp parallel", caller));
	if (sp && team->block.place && host->adopt(team->block.place, sp))
		team->sp = sp;
	if (team->block.place)
		host->begin_at(assay_openmp.region, team->block.place);
	return team;
}

/* The region is over, for all. */
void assay_openmp_region_close(const struct assay_host *host, struct assay_openmp_team *team);

/*
 * The thread begins its part: number `index` of a team of `threads`; what lies below `sp` (as above) is part of it. `own`
 * is used where the team has no room. Returns what the end is to be told.
 */
struct assay_openmp_member *assay_openmp_member_begin(const struct assay_host *host, struct assay_openmp_team *team,
	uint32_t index, uint32_t threads, const void *sp, struct assay_openmp_member *own);

/* A worker's part is over: it is in the runtime's hands until it begins another, or ends. */
void assay_openmp_member_end(const struct assay_host *host, struct assay_openmp_member *member);

/* The part of the thread that opened the region is over; `waits`: it waits for the others, until _close. */
void assay_openmp_master_end(const struct assay_host *host, struct assay_openmp_member *member, bool waits);

/* A worker ends, or does something outside regions: it is idle no more. Returns when, 0: it was not docked. */
uint64_t assay_openmp_undock(const struct assay_host *host);

/*
 * The thread begins and ends a task, which it may do while it waits: the wait stands still. `sp`: the task runs in
 * functions below it, or NULL: below those that wait.
 */
void assay_openmp_task_begin(const struct assay_host *host, struct assay_openmp_away *away, const void *sp);
void assay_openmp_task_end(const struct assay_host *host, struct assay_openmp_away *away);

/* In the child of a fork, which goes on in the regions that it was made in: nothing is recorded of these. */
void assay_openmp_after_fork(void);

#endif
