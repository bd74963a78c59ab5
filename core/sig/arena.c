#include "arena.h"

#include "sys.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { PAGE = 4096, PIECE_FIRST = 1024, CHUNK_FIRST = 4096, CHUNK_MAX = 64 * 1024, CHUNK_COMMON = 16 * 1024 };

/* next and end packed in one word, in slots, so that one compare-and-swap takes from it */
static _Atomic uint64_t common;

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* Writing zeros where the file system has no fallocate: a hole would be a SIGBUS in waiting. */
static int fill(int fd, uint64_t offset, uint64_t size)
{
	static const char zeros[PAGE];

	for (uint64_t done = 0; done < size; done += PAGE) {
		ssize_t n = assay_sys_pwrite(fd, zeros, PAGE, offset + done);

		if (n != PAGE)
			return n < 0 ? -errno : -ENOSPC;
	}
	return 0;
}

/* For kernels before 5.14: through the file, opened for the moment. */
static int reserve_in_file(uint64_t offset, uint64_t size, int fd)
{
	struct rlimit limit;
	int opened = -1, error;

	/* beyond RLIMIT_FSIZE the kernel would send SIGXFSZ */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < offset + size)
		return -EFBIG;
	if (fd < 0) {
		opened = fd = assay_sys_open(assay_process.path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
		if (fd < 0)
			return -errno;
	}
	error = assay_sys_fallocate(fd, offset, size) < 0 ? -errno : 0;
	if (error == -EOPNOTSUPP || error == -ENOSYS)
		error = fill(fd, offset, size);
	if (opened >= 0)
		syscall(SYS_close, opened);
	return error;
}

int assay_arena_reserve(uint64_t offset, uint64_t size, int fd)
{
	if (!assay_process.reserve_by_file) {
		if (madvise(assay_process.base + offset, size, MADV_POPULATE_WRITE) == 0)
			return 0;
		if (errno != EINVAL)
			return errno == EFAULT || errno == ENOMEM ? -ENOSPC : -errno;
		assay_process.reserve_by_file = true;
	}
	return reserve_in_file(offset, size, fd);
}

/* A chunk of whole pages. Its offset, or 0: full. */
static uint64_t take_chunk(uint64_t size)
{
	_Atomic uint64_t *next = &assay_process.header->next;
	uint64_t offset = atomic_load_explicit(next, memory_order_relaxed);
	int saved, error;

	do {
		if (offset + size > assay_process.limit)
			return 0;
	} while (!atomic_compare_exchange_weak(next, &offset, offset + size));
	saved = errno; /* a plugin's event asks too */
	error = assay_arena_reserve(offset, size, -1);
	errno = saved;
	return error < 0 ? 0 : offset;
}

/* What a thread begins with comes out of a part that is there already: few threads of a short process need more. */
static bool begin_with_piece(struct assay_arena *arena, size_t size)
{
	uint8_t *piece = size <= PIECE_FIRST / 4 ? assay_arena_alloc_common(PIECE_FIRST) : NULL;

	if (!piece)
		return false;
	arena->next = (uint64_t)(piece - assay_process.base);
	arena->end = arena->next + PIECE_FIRST;
	return true;
}

void *assay_arena_alloc(struct assay_arena *arena, size_t size)
{
	uint64_t at;

	size = round_up(size, ASSAY_SPOOL_SLOT);
	if (arena->next + size > arena->end && (arena->end || !begin_with_piece(arena, size))) {
		uint32_t chunk = arena->chunk ? arena->chunk * 2 : CHUNK_FIRST;

		if (chunk > CHUNK_MAX)
			chunk = CHUNK_MAX;
		if (chunk < size)
			chunk = round_up(size, PAGE);
		/* near the limit a smaller one may still be had */
		while (!(at = take_chunk(chunk)) && chunk / 2 >= size && chunk > CHUNK_FIRST)
			chunk /= 2;
		if (!at)
			return NULL;
		arena->next = at;
		arena->end = at + chunk;
		arena->chunk = chunk;
	}
	at = arena->next;
	arena->next += size;
	return assay_process.base + at;
}

void *assay_arena_alloc_common(size_t size)
{
	uint64_t slots = round_up(size, ASSAY_SPOOL_SLOT) / ASSAY_SPOOL_SLOT;

	for (;;) {
		uint64_t old = atomic_load(&common), next = old >> 32, end = old & 0xffffffffu, at, chunk;

		if (next + slots <= end) {
			if (atomic_compare_exchange_weak(&common, &old, (next + slots) << 32 | end))
				return assay_process.base + next * ASSAY_SPOOL_SLOT;
			continue;
		}
		chunk = round_up(slots * ASSAY_SPOOL_SLOT, CHUNK_COMMON);
		at = take_chunk(chunk);
		if (!at)
			return NULL;
		/* of two threads that come here at once one wastes its chunk's rest: rare, and bounded */
		next = at / ASSAY_SPOOL_SLOT;
		end = (at + chunk) / ASSAY_SPOOL_SLOT;
		atomic_store(&common, (next + slots) << 32 | end);
		return assay_process.base + at;
	}
}

assay_ref assay_arena_string(const char *bytes, size_t length)
{
	struct assay_spool_string *s = assay_arena_alloc_common(sizeof *s + length + 1);

	if (!s)
		return 0;
	memcpy(s->bytes, bytes, length);
	s->length = (uint32_t)length;
	return assay_ref_of(s);
}

void assay_arena_reset(uint64_t offset, uint64_t end)
{
	atomic_store(&common, offset / ASSAY_SPOOL_SLOT << 32 | end / ASSAY_SPOOL_SLOT);
}
