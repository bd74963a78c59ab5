/*
 * Interposed: dlclose, dlmopen'ed or not, so that what was unloaded leaves the table; and
 * dl_iterate_phdr, answered from our own table under the guard, since the loader's lock must not be
 * asked for in a handler (libunwind asks there).
 *
 * dlopen is not interposed: it looks at its caller's search path, and a wrapper would be the caller.
 * A handler finds a module that is new to it by itself.
 */
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "modules.h"
#include "next.h"
#include "real.h"
#include "sig/module.h"
#include "wrap.h"

ASSAY_EXPORT int dlclose(void *handle)
{
	int result;

	/* before, since what is opened meanwhile may get the place; and after, for what destructors call is known anew */
	atomic_fetch_add(&assay_next_closes, 1);
	result = ASSAY_REAL(dlclose)(handle);
	atomic_fetch_add(&assay_next_closes, 1);
	if (atomic_load(&assay_process.on) && assay_process_is_own() && assay_guard_enter()) {
		assay_modules_check();
		assay_guard_leave();
	}
	return result;
}

static int iterate_own(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	int result = 0;

	for (int i = 0; i < assay_module_count() && !result; i++) {
		const struct assay_module *m = assay_module_at(i);
		struct dl_phdr_info info = { .dlpi_addr = m->bias, .dlpi_name = m->name, .dlpi_phdr = m->headers,
			.dlpi_phnum = m->headers_count, .dlpi_adds = (unsigned long long)assay_module_count(),
			.dlpi_subs = assay_module_generation() };

		if (atomic_load(&m->state) == ASSAY_MODULE_LIVE)
			result = callback(&info, sizeof info, data);
	}
	return result;
}

/*
 * AddressSanitizer's run-time refuses to start when it is not the first library after the program: it asks
 * here, and we are not to be seen. (What it fears for, that its own malloc and wrappers come first, holds: we have no malloc, and our
 * wrappers call the next in line, which is it.)
 */
struct filter {
	int (*callback)(struct dl_phdr_info *, size_t, void *);
	void *data;
	ElfW(Addr) ours;
};

static int all_but_ours(struct dl_phdr_info *info, size_t size, void *context)
{
	const struct filter *f = context;

	return info->dlpi_addr == f->ours ? 0 : f->callback(info, size, f->data);
}

static bool is_sanitizer(const void *caller)
{
	static _Atomic int present; /* 0 not looked yet, 1 no, 2 yes */
	Dl_info at;

	if (!atomic_load_explicit(&present, memory_order_relaxed))
		atomic_store(&present, dlsym(RTLD_DEFAULT, "__asan_init") ? 2 : 1);
	return present == 2 && dladdr(caller, &at) && at.dli_fname && strstr(at.dli_fname, "/libasan.so");
}

ASSAY_EXPORT int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	if (assay_tls.inside && assay_process.libunwind)
		return iterate_own(callback, data);
	if (is_sanitizer(__builtin_return_address(0))) {
		struct filter f = { callback, data, 0 };
		Dl_info us;

		if (dladdr((void *)is_sanitizer, &us))
			f.ours = (ElfW(Addr))us.dli_fbase;
		return ASSAY_REAL(dl_iterate_phdr)(all_but_ours, &f);
	}
	return ASSAY_REAL(dl_iterate_phdr)(callback, data);
}
