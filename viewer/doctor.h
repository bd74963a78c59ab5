/*
 * doctor.h: what `assay doctor` looks at: one check a row, each of which tries the thing itself.
 *
 * Owns the checks and their words. Never prints, never changes anything on the machine that it does
 * not undo. Used by cmd_doctor.c and its test.
 */
#ifndef ASSAY_VIEWER_DOCTOR_H
#define ASSAY_VIEWER_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

enum assay_mark {
	ASSAY_MARK_OK,   /* works */
	ASSAY_MARK_NOTE, /* does not, or less well, but measuring goes on without it */
	ASSAY_MARK_NO,   /* does not, and Assay cannot measure without it */
};

enum { ASSAY_FINDING_MAX = 1024, ASSAY_CHECKS_MAX = 32 };

struct assay_finding {
	enum assay_mark mark;
	char text[ASSAY_FINDING_MAX];   /* what was found, and why it is so */
	char remedy[ASSAY_FINDING_MAX]; /* what to do about it, "" = nothing needs doing */
};

struct assay_check {
	const char *name; /* as printed, and in JSON */
	/* Fills in what it finds; mark, text and remedy come in as OK, "" and "". */
	void (*look)(struct assay_finding *finding);
};

extern const struct assay_check assay_doctor_checks[];
extern const size_t assay_doctor_checks_count;

/* For checks: what was found, and what to do. */
void assay_finding_set(struct assay_finding *finding, enum assay_mark mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void assay_finding_advise(struct assay_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The two clocks, in doctor_timers.c: each burns a little CPU time and counts what fires. */
void assay_check_cpu_timer(struct assay_finding *finding);
void assay_check_perf_clock(struct assay_finding *finding);
void assay_check_counters(struct assay_finding *finding);

#endif
