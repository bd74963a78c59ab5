#include "modules.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "real.h"
#include "sig/module.h"

static int note(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	assay_module_add(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name, NULL);
	return 0;
}

void assay_modules_list(void)
{
	ASSAY_REAL(dl_iterate_phdr)(note, NULL);
}

struct seen {
	uint8_t live[ASSAY_MODULES_MAX];
};

static int mark(struct dl_phdr_info *info, size_t size, void *context)
{
	struct seen *seen = context;
	int index = assay_module_add(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name, NULL);

	(void)size;
	if (index >= 0)
		seen->live[index] = 1;
	return 0;
}

void assay_modules_check(void)
{
	struct seen seen = { { 0 } };
	int n = assay_module_count();

	ASSAY_REAL(dl_iterate_phdr)(mark, &seen);
	for (int i = 0; i < n; i++)
		if (atomic_load(&assay_module_at(i)->state) == ASSAY_MODULE_LIVE && !seen.live[i])
			assay_module_gone(i);
}
