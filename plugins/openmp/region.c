#include "region.h"

#include "callers.h"

#define self assay_openmp_self

/* ---- the thread that opens a region ---- */

static void unadopt(const struct assay_host *host, struct assay_openmp_member *m)
{
	if (m->adopted)
		host->unadopt(m->sp);
	m->adopted = false;
}

/* What the members have left: the longest of their work; and they learn when it was over. */
static uint64_t collect(const struct assay_host *host, struct assay_openmp_team *team, uint64_t now)
{
	uint32_t threads = atomic_load_explicit(&team->threads, memory_order_relaxed);
	uint64_t longest = 0;

	for (uint32_t i = 0; i < threads; i++) {
		struct assay_openmp_member *m = assay_openmp_team_member(team, i);

		if (!m)
			break;
		if (m->generation != team->block.generation)
			continue;
		if (m->work_ns > longest)
			longest = m->work_ns;
		if (m->end)
			host->dock_over(m->end, now);
	}
	return longest;
}

void assay_openmp_region_close(const struct assay_host *host, struct assay_openmp_team *team)
{
	uint64_t now, longest, waited, took;
	struct assay_openmp_member *master = team->master;

	now = master && self.docked == master ? assay_openmp_undock(host) : 0;
	now = now ? now : host->now();
	if (master) {
		master->end = NULL; /* it knows */
		/* at the end, for a task that it did at the last barrier is work as well */
		waited = host->waited() - master->waited_ns;
		took = now - master->begin_ns;
		master->work_ns = took > waited ? took - waited : 0;
		host->add_at(assay_openmp.work, team->block.place, master->work_ns);
		self.member = master->outer;
	}
	if (master)
		unadopt(host, master);
	longest = collect(host, team, now);
	if (master && master->work_ns > longest)
		longest = master->work_ns;
	host->add_at(assay_openmp.longest, team->block.place, longest);
	if (team->block.place)
		host->end_at();
	if (team->sp)
		host->unadopt(team->sp);
	assay_openmp_team_give(team);
}

/* ---- the threads of the team ---- */

uint64_t assay_openmp_undock(const struct assay_host *host)
{
	uint64_t now = self.docked ? host->undock() : 0;

	self.docked = NULL;
	return now;
}

struct assay_openmp_member *assay_openmp_member_begin(const struct assay_host *host, struct assay_openmp_team *team,
	uint32_t index, uint32_t threads, const void *sp, struct assay_openmp_member *own)
{
	struct assay_openmp_member *m = assay_openmp_team_member(team, index);
	uint64_t now = assay_openmp_undock(host);

	if (m)
		m->generation = team->block.generation;
	else if (own)
		own->generation = 0; /* not of the team's: nobody would ever tell it when the region is over */
	m = m ? m : own;
	if (!m)
		return NULL;
	m->outer = self.member;
	m->team = team;
	m->work_ns = 0;
	m->end = NULL;
	m->sp = sp;
	m->adopted = sp && host->adopt(team->block.place, sp);
	m->opens = index == 0;
	if (m->opens) {
		team->master = m;
		atomic_store_explicit(&team->threads, threads, memory_order_relaxed);
	}
	self.member = m;
	m->waited_ns = host->waited();
	m->begin_ns = now ? now : host->now();
	return m;
}

static void dock(const struct assay_host *host, struct assay_openmp_member *m)
{
	if (m->generation && m->team->block.place)
		m->end = host->dock(assay_openmp.waits, assay_openmp_frame(host, ASSAY_OPENMP_END), m->team->block.place,
			assay_openmp_frame(host, ASSAY_OPENMP_IDLE));
	self.docked = m->end ? m : NULL;
}

void assay_openmp_member_end(const struct assay_host *host, struct assay_openmp_member *m)
{
	uint64_t took = host->now() - m->begin_ns, waited = host->waited() - m->waited_ns;

	m->work_ns = took > waited ? took - waited : 0;
	host->add_at(assay_openmp.work, m->team->block.place, m->work_ns);
	unadopt(host, m);
	self.member = m->outer;
	dock(host, m);
}

/* A place's barrier needs no look for a path, so the opener waits there as the workers do. */
void assay_openmp_master_end(const struct assay_host *host, struct assay_openmp_member *m, bool waits)
{
	unadopt(host, m);
	if (waits)
		dock(host, m);
}

/* ---- tasks ---- */

/*
 * Where the thread comes from, it is no more. A worker's part is over when it is docked, so begin and waits are those of the
 * task from here on; the opener's goes on, and tasks are part of it.
 */
static void leave(const struct assay_host *host, struct assay_openmp_away *away)
{
	struct assay_openmp_member *m = self.docked;

	*away = (struct assay_openmp_away){ .sp = self.waits, .dock = m };
	self.waits = NULL;
	if (!m)
		return;
	assay_openmp_undock(host);
	self.member = m;
	if (m->opens)
		return;
	m->waited_ns = host->waited();
	m->begin_ns = host->now();
}

void assay_openmp_task_begin(const struct assay_host *host, struct assay_openmp_away *away, const void *sp)
{
	uint32_t place;

	leave(host, away);
	place = self.member ? self.member->team->block.place : 0;
	if (!sp && away->sp)
		sp = (const char *)away->sp - sizeof(void *);
	else if (!sp && away->dock)
		sp = away->dock->sp;
	if (place)
		host->add_at(assay_openmp.tasks, place, 1);
	/* in the middle of other work it is part of that, and its own frames show where */
	if (place && sp && (away->sp || away->dock) && host->adopt(place, sp))
		away->adopted = sp;
	if (away->sp && !away->adopted) { /* nothing makes the wait stand still, so it ends here */
		host->wait_end(0);
		away->sp = NULL;
	}
}

void assay_openmp_task_end(const struct assay_host *host, struct assay_openmp_away *away)
{
	struct assay_openmp_member *m = away->dock;
	uint64_t took, waited;

	if (away->adopted)
		host->unadopt(away->adopted);
	self.waits = away->sp;
	if (!m)
		return;
	if (!m->opens) {
		took = host->now() - m->begin_ns;
		waited = host->waited() - m->waited_ns;
		took = took > waited ? took - waited : 0;
		m->work_ns += took;
		host->add_at(assay_openmp.work | ASSAY_PLUGIN_MORE, m->team->block.place, took);
		self.member = m->outer;
	}
	dock(host, m);
}

/* ---- forks ---- */

/* Nobody else of the team is here, and its place is one of the parent's. */
static void forget_team(struct assay_openmp_team *team)
{
	uint32_t threads = atomic_load_explicit(&team->threads, memory_order_relaxed);
	struct assay_openmp_member *m;

	team->block.place = 0;
	team->sp = NULL;
	for (uint32_t i = 0; i < threads && (m = assay_openmp_team_member(team, i)); i++) {
		m->end = NULL;
		m->adopted = false;
	}
}

void assay_openmp_after_fork(void)
{
	if (self.docked) /* in which it may be in a task */
		forget_team(self.docked->team);
	for (struct assay_openmp_member *m = self.member; m; m = m->outer) {
		m->end = NULL;
		m->adopted = false;
		forget_team(m->team);
	}
	for (struct assay_openmp_team *team = self.started; team; team = team->outer)
		forget_team(team);
	self.docked = NULL;
	self.waits = NULL;
}
