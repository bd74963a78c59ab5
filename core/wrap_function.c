/*
 * Interposed: what compilers call at the begin and end of functions with -finstrument-functions. Handed to the plugin
 * `functions`, where the run has it, and always to whoever else would have got it.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "assay/plugin.h"
#include "real.h"
#include "wrap.h"

typedef void function_call(const void *function, const void *sp);

void __cyg_profile_func_enter(void *function, void *site);
void __cyg_profile_func_exit(void *function, void *site);
assay_demand_fn assay_demand;

static void nobody(const void *function, const void *sp)
{
	(void)function;
	(void)sp;
}

static _Atomic(function_call *) enter, leave;

static function_call *find(_Atomic(function_call *) *call, const char *name)
{
	function_call *found;

	found = (function_call *)assay_demand("functions", name);
	if (found == (function_call *)ASSAY_DEMAND_LATER)
		return nobody;
	found = found ? found : nobody;
	atomic_store_explicit(call, found, memory_order_relaxed);
	return found;
}

ASSAY_EXPORT void __cyg_profile_func_enter(void *function, void *site)
{
	function_call *call = atomic_load_explicit(&enter, memory_order_relaxed);

	(call ? call : find(&enter, "assay_function_enter"))(function, __builtin_dwarf_cfa());
	ASSAY_REAL(__cyg_profile_func_enter)(function, site);
}

ASSAY_EXPORT void __cyg_profile_func_exit(void *function, void *site)
{
	function_call *call = atomic_load_explicit(&leave, memory_order_relaxed);

	ASSAY_REAL(__cyg_profile_func_exit)(function, site);
	(call ? call : find(&leave, "assay_function_leave"))(function, __builtin_dwarf_cfa());
}
