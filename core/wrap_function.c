/*
 * Interposed: what compilers call at the begin and end of functions with -finstrument-functions. Handed to the plugin
 * `functions`, where the run has it, and always to whoever else would
 * have got it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
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

typedef void compilers_call(void *function, void *site);
static _Atomic(compilers_call *) enter_behind, exit_behind;

static void nothing(void *function, void *site)
{
	(void)function;
	(void)site;
}

/* The C library's does nothing: it need not be called. */
static compilers_call *find_behind(_Atomic(compilers_call *) *call, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name), *of_libc = dlsym(RTLD_NEXT, "gnu_get_libc_version");
	Dl_info is, libc;
	bool empty = !found || (of_libc && dladdr(found, &is) && dladdr(of_libc, &libc) && is.dli_fbase == libc.dli_fbase);

	atomic_store_explicit(call, empty ? nothing : (compilers_call *)found, memory_order_relaxed);
	return empty ? nothing : (compilers_call *)found;
}

ASSAY_EXPORT void __cyg_profile_func_enter(void *function, void *site)
{
	function_call *call = atomic_load_explicit(&enter, memory_order_relaxed);
	compilers_call *behind = atomic_load_explicit(&enter_behind, memory_order_relaxed);

	if (__builtin_expect(!call, 0))
		call = find(&enter, "assay_function_enter");
	if (__builtin_expect(!behind, 0))
		behind = find_behind(&enter_behind, "__cyg_profile_func_enter");
	if (__builtin_expect(behind != nothing, 0))
		behind(function, site);
	call(function, __builtin_dwarf_cfa());
}

ASSAY_EXPORT void __cyg_profile_func_exit(void *function, void *site)
{
	function_call *call = atomic_load_explicit(&leave, memory_order_relaxed);
	compilers_call *behind = atomic_load_explicit(&exit_behind, memory_order_relaxed);

	if (__builtin_expect(!call, 0))
		call = find(&leave, "assay_function_leave");
	if (__builtin_expect(!behind, 0))
		behind = find_behind(&exit_behind, "__cyg_profile_func_exit");
	if (__builtin_expect(behind != nothing, 0))
		behind(function, site);
	call(function, __builtin_dwarf_cfa());
}
