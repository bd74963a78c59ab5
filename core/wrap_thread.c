/*
 * Interposed: pthread_create and thrd_create, so that a thread is measured from its first
 * instruction to its last. The end is seen by the destructor of a thread-specific key, which comes
 * back in each round of destructors and acts in the last one, after the program's own.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

#include "plugins.h"
#include "real.h"
#include "sig/slots.h"
#include "thread.h"
#include "wrap.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static size_t default_stack;

static void at_end(void *round)
{
	if ((uintptr_t)round < PTHREAD_DESTRUCTOR_ITERATIONS) {
		pthread_setspecific(key, (void *)((uintptr_t)round + 1));
		return;
	}
	assay_plugins_thread_stop();
	if (!assay_process.sealed && assay_guard_enter()) {
		assay_threads_end();
		assay_guard_leave();
	}
}

/* At the first thread's making: most processes never come here. */
static void prepare_ends(void)
{
	pthread_attr_t attributes;

	pthread_key_create(&key, at_end);
	default_stack = 8u << 20;
	if (pthread_attr_init(&attributes) == 0) {
		pthread_attr_getstacksize(&attributes, &default_stack);
		pthread_attr_destroy(&attributes);
	}
}

static void begin(struct assay_thread *thread, void *routine)
{
	assay_tls.hides = thread->hides;
	if (!atomic_load(&assay_process.on) || !assay_guard_enter()) {
		assay_slots_give_back(thread);
		return;
	}
	assay_threads_begin(thread, routine, thread->stack_size, ASSAY_THREADS_STARTED);
	assay_guard_leave();
	pthread_setspecific(key, (void *)1);
	assay_plugins_thread_start();
}

static void *trampoline(void *p)
{
	struct assay_thread *thread = p;
	void *(*routine)(void *) = thread->routine;
	void *argument = thread->argument;

	begin(thread, (void *)routine);
	return routine(argument);
}

static int trampoline11(void *p)
{
	struct assay_thread *thread = p;
	int (*routine)(void *) = thread->routine11;
	void *argument = thread->argument;

	begin(thread, (void *)routine);
	return routine(argument);
}

/* A slot for a thread to be made, or NULL: it is not to be measured. */
static struct assay_thread *prepare(void *argument, size_t stack_size /* 0 = the default */)
{
	struct assay_thread *thread;

	/* a child by clone alone shares the spool with its parent, and so must not write to it */
	if (!atomic_load(&assay_process.on) || !assay_process_is_own())
		return NULL;
	pthread_once(&once, prepare_ends);
	thread = assay_slots_take();
	if (!thread) {
		atomic_fetch_add(&assay_process.header->unseen_threads, 1);
		return NULL;
	}
	thread->born_ns = assay_now_ns();
	thread->argument = argument;
	thread->hides = assay_tls.hides;
	thread->stack_size = stack_size ? stack_size : default_stack;
	return thread;
}

ASSAY_EXPORT int pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*routine)(void *),
				void *argument)
{
	struct assay_thread *thread;
	size_t stack = 0;
	int error;

	if (attributes)
		pthread_attr_getstacksize(attributes, &stack);
	thread = prepare(argument, stack);
	if (!thread)
		return ASSAY_REAL(pthread_create)(id, attributes, routine, argument);
	thread->routine = routine;
	error = ASSAY_REAL(pthread_create)(id, attributes, trampoline, thread);
	if (error)
		assay_slots_give_back(thread);
	return error;
}

ASSAY_EXPORT int thrd_create(thrd_t *id, thrd_start_t routine, void *argument)
{
	struct assay_thread *thread = prepare(argument, 0);
	int result;

	if (!thread)
		return ASSAY_REAL(thrd_create)(id, routine, argument);
	thread->routine11 = routine;
	result = ASSAY_REAL(thrd_create)(id, trampoline11, thread);
	if (result != thrd_success)
		assay_slots_give_back(thread);
	return result;
}
