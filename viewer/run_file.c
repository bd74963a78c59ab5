#include "run_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "profile/environment.h"
#include "profile/spool.h"

#define PREFIX "assay-run-"

static char *join(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

int assay_run_file_open(const char *dir, struct assay_run_file *file)
{
	char *path = join(dir, ASSAY_RUN_FILE);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1, error = 0;
	struct stat st;
	ssize_t n;

	*file = (struct assay_run_file){ 0 };
	free(path);
	if (fd < 0)
		return path ? -errno : -ENOMEM;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > 64 << 20) {
		error = -EINVAL;
		goto out;
	}
	file->bytes = calloc(1, (size_t)st.st_size + 1);
	if (!file->bytes) {
		error = -ENOMEM;
		goto out;
	}
	n = read(fd, file->bytes, (size_t)st.st_size);
	file->length = n > 0 ? (size_t)n : 0;
out:
	close(fd);
	return error;
}

void assay_run_file_close(struct assay_run_file *file)
{
	free(file->bytes);
	*file = (struct assay_run_file){ 0 };
}

const char *assay_run_file_next(const struct assay_run_file *file, const char *key, const char *after)
{
	const char *end = file->bytes + file->length, *at = after ? after + strlen(after) + 1 : file->bytes;
	size_t n = strlen(key);

	for (; at && at < end; at += strlen(at) + 1)
		if (strncmp(at, key, n) == 0 && at[n] == '=')
			return at + n + 1;
	return NULL;
}

const char *assay_run_file_get(const struct assay_run_file *file, const char *key)
{
	const char *value = NULL;

	for (const char *v = NULL; (v = assay_run_file_next(file, key, v));)
		value = v;
	return value;
}

int64_t assay_run_file_number(const struct assay_run_file *file, const char *key, int64_t otherwise)
{
	const char *value = assay_run_file_get(file, key);

	return value && *value ? strtoll(value, NULL, 10) : otherwise;
}

int assay_run_file_put(const char *dir, const char *key, const char *value)
{
	char *path = join(dir, ASSAY_RUN_FILE), *record = NULL;
	int length = asprintf(&record, "%s=%s", key, value), error = 0, fd;

	if (!path || length < 0) {
		free(path);
		return -ENOMEM;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		error = -errno;
	else if (write(fd, record, (size_t)length + 1) != length + 1)
		error = errno ? -errno : -ENOSPC;
	if (fd >= 0)
		close(fd);
	free(path);
	free(record);
	return error;
}

int assay_run_file_put_number(const char *dir, const char *key, int64_t value)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)value);
	return assay_run_file_put(dir, key, text);
}

/*
 * Spools are written through shared mappings: memory is the best place for them, as long as there is
 * room (a container's /dev/shm may be tiny), then a local disk.
 */
const char *assay_run_dir_parent(void)
{
	static const char shm[] = "/dev/shm";
	const char *named = getenv(ASSAY_ENV_SPOOL_DIR), *tmp = getenv("TMPDIR");
	struct statvfs fs;

	if (named && *named)
		return named;
	if (access(shm, W_OK | X_OK) == 0 && statvfs(shm, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize >= (uint64_t)ASSAY_LIMIT_DEFAULT)
		return shm;
	return tmp && *tmp ? tmp : "/tmp";
}

int assay_run_dir_make(const char *parent, char **dir)
{
	char *template = NULL, *absolute;
	int error = 0;

	absolute = realpath(parent ? parent : assay_run_dir_parent(), NULL);
	if (!absolute)
		return -errno;
	if (asprintf(&template, "%s/" PREFIX "%ld-XXXXXX", absolute, (long)getuid()) < 0)
		template = NULL;
	free(absolute);
	if (!template)
		return -ENOMEM;
	if (!mkdtemp(template)) {
		error = -errno;
		free(template);
		return error;
	}
	*dir = template;
	return 0;
}

bool assay_run_dir_is_mine(const char *dir)
{
	char *path = join(dir, ASSAY_RUN_FILE);
	struct stat folder, file;
	bool mine = path && stat(dir, &folder) == 0 && folder.st_uid == geteuid();

	if (mine && lstat(path, &file) == 0)
		mine = file.st_uid == geteuid();

	free(path);
	return mine;
}

static int is_spool(const char *name)
{
	size_t n = strlen(name), suffix = strlen(ASSAY_SPOOL_SUFFIX);

	return n > suffix && strcmp(name + n - suffix, ASSAY_SPOOL_SUFFIX) == 0;
}

void assay_run_dir_remove(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (is_spool(e->d_name) || strcmp(e->d_name, ASSAY_RUN_FILE) == 0 ||
		    strcmp(e->d_name, "libassay.so") == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
}

char **assay_run_dir_list(void)
{
	const char *parent = assay_run_dir_parent();
	char prefix[64], **list = calloc(1, sizeof *list);
	size_t count = 0;
	struct dirent *e;
	DIR *d = opendir(parent);

	snprintf(prefix, sizeof prefix, PREFIX "%ld-", (long)getuid());
	while (d && list && (e = readdir(d))) {
		char **more, *dir;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		more = realloc(list, (count + 2) * sizeof *list);
		if (!more)
			break;
		list = more;
		dir = join(parent, e->d_name);
		if (dir && assay_run_dir_is_mine(dir)) {
			list[count] = dir;
			list[++count] = NULL;
		} else {
			free(dir);
		}
	}
	if (d)
		closedir(d);
	return list;
}
