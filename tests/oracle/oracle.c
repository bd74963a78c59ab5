/*
 * oracle.c: the walk of liboracle.so, which is libassay.so but for this: with --unwinder=libunwind each sample is
 * walked by both unwinders, from the same interrupted context, and what they found is written down (oracle.h). The
 * profile gets ours.
 *
 * The linker puts the walk here in the place of libunwind's (--wrap=assay_unwind_libunwind). The two take turns in
 * going first, and the first is timed: so each finds the caches as a handler finds them.
 *
 * Handler code: no locks, no allocation, system calls as such. All that is here is used by tests only.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/sig/sys.h"
#include "core/sig/unwind.h"
#include "oracle.h"

assay_unwind_fn __wrap_assay_unwind_libunwind, __real_assay_unwind_libunwind;

#ifdef __x86_64__

enum { FILE_SIZE = 256 << 20, SHADOWS = 8, SEEN = 1024, STACK_MAX = 64 * 1024, STACK_OTHER = 4096, PAGE = 4096 };

static char prefix[2048];
static struct oracle_header *file;
static _Atomic int writer; /* process that `file` belongs to; negative: that is just making it */
static _Atomic uint32_t turn;
static _Atomic uint32_t seen[SEEN]; /* references of modules that are in the file */

/*
 * libunwind walks into memory of its own, so that our frames stay where the handler wants them, and on a stack of its
 * own: it needs more than a program with split stacks has left.
 */
static struct shadow {
	struct assay_thread thread;
	void *context;
	enum assay_spool_walk end;
	uint32_t count;
	_Alignas(16) char stack[128 * 1024];
} shadows[SHADOWS];
static atomic_flag shadow_taken[SHADOWS];

__attribute__((constructor)) static void take_name(int argc, char **argv, char **envp)
{
	size_t n = sizeof ORACLE_ENV - 1;

	(void)argc;
	(void)argv;
	for (; *envp; envp++)
		if (strncmp(*envp, ORACLE_ENV, n) == 0 && (*envp)[n] == '=' && strlen(*envp + n + 1) < sizeof prefix - 16)
			strcpy(prefix, *envp + n + 1);
}

/* ---- the file ---- */

static int open_file(int pid)
{
	char path[sizeof prefix], digits[12];
	size_t n = strlen(prefix), d = sizeof digits;
	int fd;

	for (int rest = pid; rest; rest /= 10)
		digits[--d] = (char)('0' + rest % 10);
	memcpy(path, prefix, n);
	path[n++] = '.';
	memcpy(path + n, digits + d, sizeof digits - d);
	path[n + sizeof digits - d] = 0;
	/* an exec keeps the process's number: its file is made anew, for it is another program */
	fd = assay_sys_open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && syscall(SYS_ftruncate, fd, (long)FILE_SIZE) < 0) {
		assay_sys_close(fd);
		fd = -1;
	}
	return fd;
}

static uint64_t cost_of_clock(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 50; i++) {
		uint64_t begin = assay_now_ns(), took = assay_now_ns() - begin;

		best = took < best ? took : best;
	}
	return best;
}

static void begin_file(int pid)
{
	int fd = open_file(pid);
	void *map = fd < 0 ? MAP_FAILED : (void *)syscall(SYS_mmap, NULL, (long)FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);

	if (fd >= 0)
		assay_sys_close(fd);
	file = map == MAP_FAILED ? NULL : map;
	if (!file)
		return;
	memset(seen, 0, sizeof seen);
	for (int i = 0; i < SHADOWS; i++) /* a fork may have left the other threads' taken */
		atomic_flag_clear(&shadow_taken[i]);
	file->version = ORACLE_VERSION;
	file->pid = (uint32_t)pid;
	file->size = FILE_SIZE;
	file->clock_ns = cost_of_clock();
	atomic_store(&file->used, sizeof *file);
	memcpy(file->magic, ORACLE_MAGIC, sizeof file->magic);
}

/* The process's file, made at its first sample. False: there is none, or another thread is making it. */
static bool have_file(void)
{
	int pid = assay_process.pid, is = atomic_load_explicit(&writer, memory_order_acquire);

	if (is != pid) {
		if (!*prefix || is == -pid || !atomic_compare_exchange_strong(&writer, &is, -pid))
			return false;
		begin_file(pid);
		atomic_store_explicit(&writer, pid, memory_order_release);
	}
	return file;
}

/* Room for a record. Publish it by its kind. */
static void *reserve(size_t size)
{
	struct oracle_record *r;
	uint64_t at;

	size = (size + 7) & ~(size_t)7;
	at = atomic_fetch_add(&file->used, size);
	if (at + size > file->size) {
		atomic_fetch_add(&file->lost, 1);
		return NULL;
	}
	r = (void *)((char *)file + at);
	r->size = (uint32_t)size;
	return r;
}

static void publish(struct oracle_record *r, enum oracle_kind kind)
{
	atomic_store_explicit(&r->kind, kind, memory_order_release);
}

/* ---- what is written ---- */

static bool first_seen(assay_ref ref)
{
	for (uint32_t i = ref, tries = 0; tries < SEEN; i++, tries++) {
		uint32_t is = 0;

		if (atomic_compare_exchange_strong(&seen[i % SEEN], &is, ref))
			return true;
		if (is == ref)
			return false;
	}
	return true;
}

static void write_module(assay_ref ref)
{
	const struct assay_spool_module *m = assay_at(ref);
	assay_ref path = m->path ? m->path : assay_process.header->exe ? assay_process.header->exe : assay_process.header->invoked;
	const struct assay_spool_string *s = assay_at(path);
	struct oracle_module *to = reserve(sizeof *to + s->length + 1);

	if (!to)
		return;
	to->ref = ref;
	to->vdso = m->flags & 1;
	to->bias = m->bias;
	to->start = m->start;
	to->end = m->end;
	memcpy(to->path, s->bytes, s->length);
	publish(&to->record, ORACLE_MODULE);
}

static uint64_t absolute(const struct assay_frame_ref *frame)
{
	const struct assay_spool_module *m = frame->module ? assay_at(frame->module) : NULL;

	if (m && first_seen(frame->module))
		write_module(frame->module);
	return frame->address + (m ? m->bias : 0);
}

static void write_frames(struct oracle_frame *to, const struct assay_frame_ref *from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		to[i] = (struct oracle_frame){ absolute(&from[i]), from[i].module, 0 };
}

/* What is copied of the stack: from a little below the stack pointer on. */
static uint64_t stack_from(const ucontext_t *context)
{
	return ((uint64_t)context->uc_mcontext.gregs[REG_RSP] - 128) & ~(uint64_t)15;
}

/* ... and how much, at most: of another than the thread's own its end is not known. */
static uint64_t stack_size(const struct assay_thread *thread, uint64_t from)
{
	if (from < thread->stack_low || from >= thread->stack_high)
		return STACK_OTHER;
	return thread->stack_high - from < STACK_MAX ? thread->stack_high - from : STACK_MAX;
}

/* As far as there is memory. Bytes copied. */
static uint64_t copy_stack(void *to, uint64_t from, uint64_t size)
{
	uint64_t done = 0;

	while (done < size) {
		uint64_t at = from + done, n = PAGE - at % PAGE < size - done ? PAGE - at % PAGE : size - done;
		struct iovec local = { (char *)to + done, n }, remote = { (void *)at, n };

		if (assay_sys_copy(assay_process.pid, &local, &remote) != (ssize_t)n)
			break;
		done += n;
	}
	return done;
}

static void write_details(struct oracle_details *d, const ucontext_t *context, const struct assay_thread *ours,
			  const struct assay_thread *theirs, const struct oracle_sample *sample)
{
	static const uint8_t order[ORACLE_REGISTERS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP,
		REG_RSP, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };
	struct oracle_frame *frames = (void *)(d + 1);

	for (int i = 0; i < ORACLE_REGISTERS; i++)
		d->registers[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
	write_frames(frames, ours->frames, sample->own_count);
	write_frames(frames + sample->own_count, theirs->frames, sample->lib_count);
	d->stack = stack_from(context);
	d->stack_size = copy_stack(frames + sample->own_count + sample->lib_count, d->stack, stack_size(ours, d->stack));
}

static void write_sample(struct oracle_sample sample, uint32_t number, const ucontext_t *context, const struct assay_thread *ours,
			 const struct assay_thread *theirs)
{
	uint32_t frames = sample.own_count + sample.lib_count;
	struct oracle_sample *to;

	sample.outermost = absolute(&ours->frames[sample.own_count - 1]);
	sample.details = !sample.same || sample.own_end != ASSAY_WALK_COMPLETE || number % 16 == 0;
	to = reserve(sizeof sample + (sample.details ? sizeof(struct oracle_details) +
		     frames * sizeof(struct oracle_frame) + stack_size(ours, stack_from(context)) : 0));
	if (!to)
		return;
	sample.record.size = to->record.size;
	*to = sample;
	if (sample.details)
		write_details((void *)(to + 1), context, ours, theirs, &sample);
	publish(&to->record, ORACLE_SAMPLE);
}

/* ---- the walks ---- */

static bool same_frames(const struct assay_frame_ref *a, const struct assay_frame_ref *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (a[i].module != b[i].module || a[i].address != b[i].address)
			return false;
	return true;
}

__attribute__((noinline)) static void walk_by_libunwind(struct shadow *s)
{
	s->count = __real_assay_unwind_libunwind(&s->thread, s->context, &s->end);
}

static void on_own_stack(void (*call)(struct shadow *), struct shadow *s)
{
	__asm__ volatile("mov %%rsp, %%rbx\n\tmov %[top], %%rsp\n\tcall *%[call]\n\tmov %%rbx, %%rsp"
			 : "+D"(s), [call] "+r"(call)
			 : [top] "r"(s->stack + sizeof s->stack)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc",
			   "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
			   "xmm12", "xmm13", "xmm14", "xmm15");
}

static struct shadow *take_shadow(uint32_t first)
{
	for (uint32_t i = 0; i < SHADOWS; i++)
		if (!atomic_flag_test_and_set(&shadow_taken[(first + i) % SHADOWS]))
			return &shadows[(first + i) % SHADOWS];
	return NULL;
}

uint32_t __wrap_assay_unwind_libunwind(struct assay_thread *thread, void *context, enum assay_spool_walk *end)
{
	struct shadow *shadow = have_file() ? take_shadow(thread->slot) : NULL;
	uint32_t number = atomic_fetch_add(&turn, 1);
	struct oracle_sample sample = { .own_first = number % 2 };
	uint32_t fresh; /* our frames without those shared with the last walk, which the handler has */
	uint64_t begin;

	if (!shadow) {
		if (file)
			atomic_fetch_add(&file->lost, 1);
		return assay_unwind_own(thread, context, end);
	}
	shadow->context = context;
	begin = assay_now_ns();
	if (sample.own_first) {
		fresh = assay_unwind_own(thread, context, end);
		sample.ns = (uint32_t)(assay_now_ns() - begin);
		on_own_stack(walk_by_libunwind, shadow);
	} else {
		on_own_stack(walk_by_libunwind, shadow);
		sample.ns = (uint32_t)(assay_now_ns() - begin);
		fresh = assay_unwind_own(thread, context, end);
	}
	sample.shared = (uint16_t)thread->shared;
	sample.own_count = (uint16_t)assay_unwind_whole(thread, fresh);
	sample.lib_count = (uint16_t)shadow->count;
	sample.own_end = (uint8_t)*end;
	sample.lib_end = (uint8_t)shadow->end;
	sample.same = sample.own_count == sample.lib_count &&
		      same_frames(thread->frames, shadow->thread.frames, sample.own_count);
	sample.pc = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	write_sample(sample, number, context, thread, &shadow->thread);
	atomic_flag_clear(&shadow_taken[shadow - shadows]);
	return fresh;
}

#else /* the registers, the stack and the judge are those of x86-64 */

uint32_t __wrap_assay_unwind_libunwind(struct assay_thread *thread, void *context, enum assay_spool_walk *end)
{
	return __real_assay_unwind_libunwind(thread, context, end);
}

#endif
