/*
 * stepper.h: what the code that is walked shares with the test that walks it.
 *
 * Owns the marks: breakpoint instructions with a number, at which the test takes over. `begin` and `end` are around
 * code that is stepped through: there the test walks the stack at every instruction, and knows the answer, for it has
 * seen each call and return.
 */
#ifndef ASSAY_TESTS_AARCH64_STEPPER_H
#define ASSAY_TESTS_AARCH64_STEPPER_H

#define MARK_BEGIN 0x5100   /* the callers are those that libgcc's unwinder found just before */
#define MARK_INSIDE 0x5101  /* begin, in a coroutine: what its first function returns to is nobody's business */
#define MARK_END 0x5102
#define MARK_HANDLER 0x5103 /* go on, in a signal handler's first function */
#define MARK_HERE 0x5104    /* one walk, at this instruction */
#define MARK_STEP 0x5105    /* set by the stepper itself */

#ifndef __ASSEMBLER__

#include <stdint.h>

/* Notes the callers of the function that it is in-lined into, for begin(). */
int stepper_note_callers(void);

#define MARK_(number) __asm__ volatile("brk #" #number ::: "memory")
#define MARK(number) MARK_(number)

static inline __attribute__((always_inline)) void begin(void)
{
	stepper_note_callers();
	MARK(MARK_BEGIN);
}

static inline __attribute__((always_inline)) void end(void)
{
	MARK(MARK_END);
}

/* A shape of code, and how many instructions of it there are at least. */
struct shape {
	const char *name;
	void (*run)(void);
	int least;
};

extern const struct shape shapes[];
extern const int shapes_count;

/* What a signal handler of the shapes tells before MARK_HANDLER. */
extern uintptr_t stepper_interrupted, stepper_trampoline;

/* frames.S */
long frames_leaf(long (*f)(long), long x);
long frames_only_return(long (*f)(long), long x);
long frames_apart(long (*f)(long), long x);
long frames_other_register(long (*f)(long), long x);
long frames_expression(long (*f)(long), long x);
long frames_remembered(long (*f)(long), long x);
long frames_signed(long (*f)(long), long x);
long frames_signed_b(long (*f)(long), long x);
long frames_wide(long (*f)(long), long x);
long frames_unknown(long (*f)(long), long x);
void frames_return_from_trap(void);

#endif
#endif
