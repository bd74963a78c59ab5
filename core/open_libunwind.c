#include "open_libunwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>

#include "sig/unwind.h"

#ifdef HAVE_LIBUNWIND

#define UNW_LOCAL_ONLY
#include <libunwind.h>

/* libunwind's names carry its target: unw_step is _ULx86_64_step. */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

int assay_libunwind_open(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	struct link_map *map;

	if (!library)
		return -ENOSYS;
	assay_libunwind.init_local2 = (int (*)(void *, void *, int))dlsym(library, TEXT(unw_init_local2));
	assay_libunwind.step = (int (*)(void *))dlsym(library, TEXT(unw_step));
	assay_libunwind.get_reg = (int (*)(void *, int, uintptr_t *))dlsym(library, TEXT(unw_get_reg));
	assay_libunwind.is_signal_frame = (int (*)(void *))dlsym(library, TEXT(unw_is_signal_frame));
	if (!assay_libunwind.init_local2 || !assay_libunwind.step || !assay_libunwind.get_reg ||
	    !assay_libunwind.is_signal_frame)
		return -ENOSYS;
	/* it takes its own locks under blocked signals: see wrap_signal.c */
	if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0) {
		assay_libunwind.start = map->l_addr;
		assay_libunwind.end = map->l_addr + (1u << 20);
	}
	return 0;
}

#else

int assay_libunwind_open(void)
{
	return -ENOSYS;
}

#endif
