#include "team.h"

/*
 * What is free: a list, by numbers from 1. Above the first one's number the head has how often it has changed, so that a
 * head seen before the list was emptied and filled again is not taken for the same. `fresh`: how many were ever taken.
 */
struct pool {
	_Atomic uint64_t head;
	_Atomic uint32_t fresh;
	const uint32_t size;
	_Atomic uint32_t *const next;
};

static struct assay_openmp_team teams[ASSAY_OPENMP_TEAMS];
static struct assay_openmp_chunk chunks[ASSAY_OPENMP_CHUNKS];
static _Atomic uint32_t next_team[ASSAY_OPENMP_TEAMS], next_chunk[ASSAY_OPENMP_CHUNKS];
static struct pool free_teams = { .size = ASSAY_OPENMP_TEAMS, .next = next_team };
static struct pool free_chunks = { .size = ASSAY_OPENMP_CHUNKS, .next = next_chunk };

/* A number from 1 on; 0: all are taken. */
static uint32_t take(struct pool *pool)
{
	uint64_t head = atomic_load_explicit(&pool->head, memory_order_acquire);
	uint32_t fresh = atomic_load_explicit(&pool->fresh, memory_order_relaxed);

	while ((uint32_t)head)
		if (atomic_compare_exchange_weak(&pool->head, &head, ((head >> 32) + 1) << 32 |
			atomic_load_explicit(&pool->next[(uint32_t)head - 1], memory_order_relaxed)))
			return (uint32_t)head;
	while (fresh < pool->size)
		if (atomic_compare_exchange_weak(&pool->fresh, &fresh, fresh + 1))
			return fresh + 1;
	return 0;
}

static void give(struct pool *pool, uint32_t number)
{
	uint64_t head = atomic_load_explicit(&pool->head, memory_order_relaxed);

	do
		atomic_store_explicit(&pool->next[number - 1], (uint32_t)head, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&pool->head, &head, ((head >> 32) + 1) << 32 | number));
}

struct assay_openmp_team *assay_openmp_team_take(void)
{
	struct assay_openmp_team *team = assay_openmp_self.spare;
	uint32_t number = team ? 0 : take(&free_teams);

	assay_openmp_self.spare = NULL;
	if (number)
		team = &teams[number - 1];
	if (!team)
		return NULL;
	team->block.generation++;
	team->block.team = team;
	team->block.place = 0;
	team->sp = NULL;
	team->master = NULL;
	if (!team->block.chunk && assay_openmp_team_member(team, 0))
		team->block.chunk = atomic_load_explicit(&team->chunks[0], memory_order_relaxed);
	atomic_store_explicit(&team->threads, 0, memory_order_relaxed);
	return team;
}

void assay_openmp_team_give(struct assay_openmp_team *team)
{
	if (!assay_openmp_self.spare)
		assay_openmp_self.spare = team;
	else
		give(&free_teams, (uint32_t)(team - teams) + 1);
}

void assay_openmp_team_give_spare(void)
{
	struct assay_openmp_team *team = assay_openmp_self.spare;

	assay_openmp_self.spare = NULL;
	if (team)
		give(&free_teams, (uint32_t)(team - teams) + 1);
}

/* Chunks stay with the team that took them: the teams of a program are mostly of a size. */
static struct assay_openmp_chunk *add_chunk(struct assay_openmp_team *team, uint32_t at)
{
	struct assay_openmp_chunk *chunk = NULL;
	uint32_t number = take(&free_chunks);

	if (!number)
		return atomic_load_explicit(&team->chunks[at], memory_order_acquire);
	if (atomic_compare_exchange_strong(&team->chunks[at], &chunk, &chunks[number - 1]))
		return &chunks[number - 1];
	give(&free_chunks, number); /* another member was quicker */
	return chunk;
}

struct assay_openmp_member *assay_openmp_team_member(struct assay_openmp_team *team, uint32_t index)
{
	uint32_t at = index / ASSAY_OPENMP_CHUNK;
	struct assay_openmp_chunk *chunk = team->block.chunk;

	if (!at && chunk)
		return &chunk->members[index];
	if (at >= ASSAY_OPENMP_TEAM_CHUNKS)
		return NULL;
	chunk = atomic_load_explicit(&team->chunks[at], memory_order_acquire);
	if (!chunk)
		chunk = add_chunk(team, at);
	return chunk ? &chunk->members[index % ASSAY_OPENMP_CHUNK] : NULL;
}
