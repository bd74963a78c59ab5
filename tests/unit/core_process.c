/* core_process.c: see core_process.h. */
#include "core_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sig/arena.h"
#include "core/spool.h"

static char folder[64];
static struct assay_thread thread;

int core_process_begin_in(const char *where, uint64_t limit)
{
	assay_process = (struct assay_process){ .pid = getpid(), .rate_hz = 200, .period_ns = 5000000 };
	return assay_spool_create(where, limit);
}

void core_process_begin(uint64_t limit)
{
	strcpy(folder, "/tmp/assay-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(core_process_begin_in(folder, limit), 0);
}

void core_process_end(void)
{
	munmap(assay_process.base, assay_process.limit);
	unlink(assay_process.path);
	if (*folder)
		rmdir(folder);
	*folder = 0;
}

struct assay_thread *core_process_thread(void)
{
	extern void *__libc_stack_end;

	memset(&thread, 0, sizeof thread);
	thread.timer = thread.event = -1;
	thread.tid = getpid();
	thread.stack_high = (uintptr_t)__libc_stack_end;
	thread.stack_low = thread.stack_high - (1u << 20);
	thread.record = assay_arena_alloc_common(sizeof *thread.record);
	assert_non_null(thread.record);
	return &thread;
}
