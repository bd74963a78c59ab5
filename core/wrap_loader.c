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

#include "modules.h"
#include "real.h"
#include "sig/module.h"
#include "wrap.h"

ASSAY_EXPORT int dlclose(void *handle)
{
	int result = ASSAY_REAL(dlclose)(handle);

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

ASSAY_EXPORT int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	if (assay_tls.inside && assay_process.libunwind)
		return iterate_own(callback, data);
	return ASSAY_REAL(dl_iterate_phdr)(callback, data);
}
