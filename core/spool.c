#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "profile/environment.h"
#include "sig/arena.h"
#include "sig/sys.h"

enum {
	FIRST_PART = 8 * 1024, /* enough for a process that ends at once, or has a sample or two */
	LEAST = 1024 * 1024,   /* enough for most call trees */
};

static char *append(char *to, const char *end, const char *text)
{
	while (*text && to < end - 1)
		*to++ = *text++;
	*to = 0;
	return to;
}

static char *append_number(char *to, const char *end, unsigned long n)
{
	char digits[24], *d = digits + sizeof digits - 1;

	*d = 0;
	do {
		*--d = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return append(to, end, d);
}

/* RUN/PID-N.spool: an exec'ed image of the same process takes the next N. */
static int open_new(const char *run)
{
	struct assay_process *p = &assay_process;
	const char *end = p->path + sizeof p->path;
	int fd = -1;

	for (unsigned long n = 0; n < 100000 && fd < 0; n++) {
		char *at = append(p->path, end, run);

		at = append(at, end, "/");
		at = append_number(at, end, (unsigned long)p->pid);
		at = append(at, end, "-");
		at = append_number(at, end, n);
		at = append(at, end, ASSAY_SPOOL_SUFFIX);
		if (at >= end - 1)
			return -ENAMETOOLONG;
		fd = assay_sys_open(p->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != EEXIST)
			return -errno;
	}
	return fd < 0 ? -EEXIST : fd;
}

/* The mapping spans the whole limit from the start; only what is reserved is ever touched. */
static int map(int fd, uint64_t limit)
{
	struct rlimit most;
	void *base = MAP_FAILED;

	if (getrlimit(RLIMIT_FSIZE, &most) == 0)
		while (limit > most.rlim_cur && limit >= FIRST_PART)
			limit /= 2;
	/* a program with little address space needs it for itself */
	if (getrlimit(RLIMIT_AS, &most) == 0 && most.rlim_cur != RLIM_INFINITY)
		while (limit > most.rlim_cur / 64 && limit > LEAST)
			limit /= 2;
	if (limit < FIRST_PART)
		return -EFBIG;
	for (; limit >= FIRST_PART; limit /= 2) {
		base = mmap(NULL, limit, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
		if (base != MAP_FAILED)
			break;
	}
	if (base == MAP_FAILED)
		return -ENOMEM;
	if (ftruncate(fd, (off_t)limit) < 0) {
		int error = -errno;

		munmap(base, limit);
		return error;
	}
	assay_process.base = base;
	assay_process.limit = limit;
	return 0;
}

static void fill_header(void)
{
	struct assay_spool_header *h = (void *)assay_process.base;
	struct timespec t;

	assay_process.header = h;
	h->version = ASSAY_SPOOL_VERSION;
	h->byte_order = ASSAY_SPOOL_BYTE_ORDER;
	h->header_size = sizeof *h;
	h->slot_size = ASSAY_SPOOL_SLOT;
	h->limit = assay_process.limit;
	atomic_store(&h->next, FIRST_PART);
	h->pid = assay_process.pid;
	h->ppid = getppid();
	h->uid = getuid();
	h->clock = assay_process.clock;
	h->rate_hz = assay_process.rate_hz;
	h->unwinder = assay_process.libunwind;
	clock_gettime(CLOCK_REALTIME, &t);
	h->start_realtime_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	h->start_ns = assay_now_ns();
	assay_arena_reset(ASSAY_PLACES * ASSAY_SPOOL_SLOT, FIRST_PART);
	/* last, so that a reader takes no header that is not whole */
	atomic_thread_fence(memory_order_release);
	memcpy(h->magic, ASSAY_SPOOL_MAGIC, sizeof h->magic);
}

int assay_spool_create(const char *run, uint64_t limit)
{
	int fd = open_new(run), error;

	if (fd < 0)
		return fd;
	error = map(fd, limit);
	if (error == 0) {
		error = assay_arena_reserve(0, FIRST_PART, fd);
		if (error < 0)
			munmap(assay_process.base, assay_process.limit);
	}
	if (error < 0)
		unlink(assay_process.path);
	else
		fill_header();
	assay_sys_close(fd);
	return error;
}

void assay_spool_freeze(void)
{
	uint64_t used = atomic_load(&assay_process.header->next), keep = used > LEAST ? used : LEAST, before;

	if (keep >= assay_process.limit)
		return;
	keep = (keep + 4095) & ~(uint64_t)4095;
	before = assay_process.limit;
	assay_process.limit = keep; /* first: nobody takes a chunk of what goes */
	munmap(assay_process.base + keep, before - keep);
}

const char *assay_spool_name(void)
{
	const char *slash = strrchr(assay_process.path, '/');

	return assay_process.header && slash ? slash + 1 : "";
}
