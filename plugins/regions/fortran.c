/*
 * fortran.c: what include/assay/assay_region.f90 points its procedures to. A name comes as compilers pass character(*): an
 * address, and a length behind all other arguments; blanks at its end are none of it.
 */
#include "regions.h"

#include <dlfcn.h>
#include <string.h>

void assay_fortran_begin(const char *name, size_t length);
void assay_fortran_end(const char *name, size_t length);
void assay_fortran_message(const char *text, size_t length);
void assay_fortran_count(const char *name, int64_t n, size_t length);
void assay_fortran_first(const char *name, size_t length);

static uint32_t frame_of(const struct assay_host *h, const char *kind, const char *name, size_t length)
{
	char text[REGIONS_NAME_MAX + 1];

	while (length && name[length - 1] == ' ')
		length--;
	length = length > REGIONS_NAME_MAX ? REGIONS_NAME_MAX : length;
	memcpy(text, name, length);
	text[length] = 0;
	return h->frame(kind, text);
}

/* The caller's stack frame is told by its stack pointer, which is as it was where it called. */
EXPORT void assay_fortran_begin(const char *name, size_t length)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->open(frame_of(h, "region", name, length), regions_metric.regions, __builtin_dwarf_cfa());
}

EXPORT void assay_fortran_end(const char *name, size_t length)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->close(frame_of(h, "region", name, length), regions_metric.regions,
			 (const char *)__builtin_dwarf_cfa() + 1);
}

EXPORT void assay_fortran_message(const char *text, size_t length)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->add_in_region(regions_metric.messages, frame_of(h, "message", text, length), 1);
}

EXPORT void assay_fortran_count(const char *name, int64_t n, size_t length)
{
	const struct assay_host *h = regions_host();

	if (h)
		h->add(regions_metric.counters, frame_of(h, "counter", name, length), (uint64_t)n);
}

/*
 * The first begin of all comes by way of a procedure of the module's, so its caller's stack frame is one further out. The
 * unwinder of the compiler's own run-time library (C++ ABI for Itanium, 1.5) knows it; that takes its time, once.
 */
enum { OUTWARDS = 2 }; /* this function, the module's, the caller */

struct unwound {
	uintptr_t (*cfa)(void *context);
	int frames;
	uintptr_t sp;
};

static int look(void *context, void *data)
{
	struct unwound *u = data;

	if (u->frames++ < OUTWARDS)
		return 0;
	u->sp = u->cfa(context); /* the frame's stack pointer, where it called */
	return 4;                /* _URC_NORMAL_STOP */
}

EXPORT void assay_fortran_first(const char *name, size_t length)
{
	const struct assay_host *h = regions_host();
	int (*backtrace)(int (*)(void *, void *), void *) = (int (*)(int (*)(void *, void *), void *))(uintptr_t)
		dlsym(RTLD_DEFAULT, "_Unwind_Backtrace");
	struct unwound u = { .cfa = (uintptr_t(*)(void *))(uintptr_t)dlsym(RTLD_DEFAULT, "_Unwind_GetCFA") };

	if (!h)
		return;
	if (backtrace && u.cfa)
		backtrace(look, &u);
	else
		(void)dlerror();
	/* without it, a region of no function's: it is open until it is closed, and outermost in samples */
	h->open(frame_of(h, "region", name, length), regions_metric.regions, (const void *)u.sp);
}
