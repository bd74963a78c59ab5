/*
 * modules.h: the modules that are loaded, as the loader tells outside handlers.
 *
 * Owns the listing at start-up and after a dlclose. What is loaded in between, a handler finds for
 * itself (sig/module.h).
 */
#ifndef ASSAY_CORE_MODULES_H
#define ASSAY_CORE_MODULES_H

/* Lists what is loaded now. Start-up only, before the first sample. */
void assay_modules_list(void);

/* Something was unloaded: marks what is gone. Any thread, under the guard. */
void assay_modules_check(void);

#endif
