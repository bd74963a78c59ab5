/*
 * plugins.h: the plugin host (include/assay/plugin.h is the contract).
 *
 * Owns which plugins are part of this process, their options and metrics, and the calls of their hooks. Not for
 * handlers.
 */
#ifndef ASSAY_CORE_PLUGINS_H
#define ASSAY_CORE_PLUGINS_H

/* Finds and starts the plugins that the run asks for. Once, before main, outside the guard. */
void assay_plugins_start(void);

/* The shared object of one that is loaded on demand, if it is part of this process; NULL. Any thread, at any time. */
const char *assay_plugins_path(const char *name);

/* Calls their hooks: outside the guard. */
void assay_plugins_stop(void);
void assay_plugins_thread_start(void);
void assay_plugins_thread_stop(void);

/* In a forked child, once it has a spool: what they registered goes into it. Under the guard. */
void assay_plugins_rewrite(void);

/* ... the regions that its thread is in go on. Under the guard. */
struct assay_thread;
void assay_plugins_reopen(struct assay_thread *thread);

/* ... and then their hook, outside the guard. */
void assay_plugins_after_fork(void);

#endif
