/*
 * run_file.h: the run's directory and the file in it by which launcher and digest speak to each other.
 *
 * The file holds "key=value" records, each ended by a NUL; a key may come again: the last counts, but
 * for "arg", which is a list. Keys are in docs/FORMAT.md. Owns no processes and no spools.
 */
#ifndef ASSAY_VIEWER_RUN_FILE_H
#define ASSAY_VIEWER_RUN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_run_file {
	char *bytes;
	size_t length;
};

/* Reads DIR/run. 0, or a negative errno. To be freed with assay_run_file_close. */
int assay_run_file_open(const char *dir, struct assay_run_file *file);
void assay_run_file_close(struct assay_run_file *file);

/* The last value of `key`, or NULL. */
const char *assay_run_file_get(const struct assay_run_file *file, const char *key);
/* The same as a number, or `otherwise`. */
int64_t assay_run_file_number(const struct assay_run_file *file, const char *key, int64_t otherwise);
/* The value of `key` that follows `after` (NULL: the first), or NULL. */
const char *assay_run_file_next(const struct assay_run_file *file, const char *key, const char *after);

/* Appends a record. 0, or a negative errno. */
int assay_run_file_put(const char *dir, const char *key, const char *value);
int assay_run_file_put_number(const char *dir, const char *key, int64_t value);

/*
 * Makes a new run directory, mode 0700, under `parent` (NULL: where spools are best kept on this machine)
 * and stores its path in *dir (malloc'ed). 0, or a negative errno.
 */
int assay_run_dir_make(const char *parent, char **dir);

/* The folder in which run directories are made when nobody says where. Static or from the environment. */
const char *assay_run_dir_parent(void);

/* Whether a run directory and its file, if any, are this user's: what they say is not believed otherwise. */
bool assay_run_dir_is_mine(const char *dir);

/* Removes a run directory with the files that Assay made in it, and nothing else. */
void assay_run_dir_remove(const char *dir);

/* The run directories of this user under assay_run_dir_parent(), as a NULL-ended malloc'ed list. */
char **assay_run_dir_list(void);

#endif
