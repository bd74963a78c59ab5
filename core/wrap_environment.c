/*
 * Interposed: getenv. Programs that mark themselves by NVTX or ITT ask the environment for a library to tell of it. Where
 * the user has named none and the run has the plugin `regions`, that is it: nothing need stand in the environment itself,
 * which stays as it is without Assay, and so does that of the programs which this one executes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins.h"
#include "real.h"
#include "sig/state.h"
#include "wrap.h"

extern char **environ;

/* Found as early as can be: allocators ask for their settings in the middle of what a look-up would need. */
static char *(*_Atomic behind)(const char *name);

void assay_wrap_environment_start(void)
{
	behind = ASSAY_REAL(getenv);
}

static char *look(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; e && *e; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

ASSAY_EXPORT char *getenv(const char *name)
{
	char *(*real)(const char *) = behind;
	char *value = real ? real(name) : look(name);

	if (value || !assay_process.active || (name[0] != 'N' && name[0] != 'I'))
		return value;
	if (strcmp(name, "NVTX_INJECTION64_PATH") == 0 || strcmp(name, "INTEL_LIBITTNOTIFY64") == 0)
		return (char *)assay_plugins_path("regions");
	return NULL;
}
