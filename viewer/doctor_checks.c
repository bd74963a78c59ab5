/* doctor_checks.c: the rows of `assay doctor`: machine, library, spool and what helps to read a profile. */
#include "doctor.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <link.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch.h"
#include "profile/environment.h"
#include "run_file.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { TRIAL_BYTES = 1 << 20 };

void assay_finding_set(struct assay_finding *finding, enum assay_mark mark, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	finding->mark = mark;
}

void assay_finding_advise(struct assay_finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->remedy, sizeof(finding->remedy), format, args);
	va_end(args);
}

static void check_kernel(struct assay_finding *finding)
{
	struct utsname name;

	uname(&name);
	if (strcmp(name.machine, "x86_64") == 0) {
		assay_finding_set(finding, ASSAY_MARK_OK, "%s %s on %s", name.sysname, name.release, name.machine);
		return;
	}
	assay_finding_set(finding, ASSAY_MARK_NO, "%s %s on %s: this version of Assay walks the stacks of x86-64 only",
		name.sysname, name.release, name.machine);
	assay_finding_advise(finding, "run it on an x86-64 machine");
}

static void check_libc(struct assay_finding *finding)
{
	const char *version = gnu_get_libc_version();

	if (dlsym(RTLD_DEFAULT, "_dl_find_object")) {
		assay_finding_set(finding, ASSAY_MARK_OK, "glibc %s, which finds the library behind an address without a lock",
			version);
		return;
	}
	assay_finding_set(finding, ASSAY_MARK_NOTE,
		"glibc %s, which is older than 2.35: code that a program loads while it runs (plug-ins) may show up without a name",
		version);
	assay_finding_advise(finding, "nothing, unless plug-ins matter: then use a system with glibc 2.35 or newer");
}

/* Starts /bin/true with the library preloaded; the loader's complaints, if any, are left in `said`. */
static int preload_true(const char *library, char *said, size_t size)
{
	char setting[PATH_MAX + 16], *argv[] = { (char *)"true", NULL }, *envp[] = { setting, NULL };
	posix_spawn_file_actions_t actions;
	int pipes[2], status = 0, error;
	size_t have = 0;
	ssize_t n;
	pid_t child;

	snprintf(setting, sizeof(setting), "LD_PRELOAD=%s", library);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDERR_FILENO);
	error = posix_spawn(&child, "/bin/true", &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	if (error) {
		close(pipes[0]);
		return -error;
	}
	while (have < size - 1) {
		n = read(pipes[0], said + have, size - 1 - have);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			break;
		have += n > 0 ? (size_t)n : 0;
	}
	said[have] = '\0';
	said[strcspn(said, "\n")] = '\0';
	close(pipes[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static void check_library(struct assay_finding *finding)
{
	char library[PATH_MAX], said[400] = "";
	int error = assay_launch_library(library, sizeof(library));

	if (error < 0) {
		assay_finding_set(finding, ASSAY_MARK_NO, "the library that is preloaded into programs is not there: %s",
			strerror(-error));
		assay_finding_advise(finding, "install Assay again (make install), or set %s to the path of libassay.so",
			ASSAY_ENV_LIBRARY);
		return;
	}
	error = preload_true(library, said, sizeof(said));
	if (error == 0 && !said[0]) {
		assay_finding_set(finding, ASSAY_MARK_OK, "%s", library);
		return;
	}
	assay_finding_set(finding, ASSAY_MARK_NO, "%s cannot be loaded into /bin/true: %s", library,
		said[0] ? said : strerror(-error));
	assay_finding_advise(finding, "build Assay on this machine; see that the file is not on a file system mounted noexec");
}

/* The run-queue delay of this thread: "CPU time, delay, slices" in ns. */
static void check_core_wait(struct assay_finding *finding)
{
	unsigned long long cpu = 0, delay = 0, slices = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "re");
	int fields = file ? fscanf(file, "%llu %llu %llu", &cpu, &delay, &slices) : 0;

	if (file)
		fclose(file);
	if (fields == 3 && slices > 0) {
		assay_finding_set(finding, ASSAY_MARK_OK, "the kernel tells for how long a thread that could run had no core");
		return;
	}
	assay_finding_set(finding, ASSAY_MARK_NOTE,
		"the kernel does not tell for how long a thread that could run had no core: it is counted with the other waiting");
	assay_finding_advise(finding, "nothing, or use a kernel with CONFIG_SCHED_INFO (/proc/self/schedstat)");
}

static void check_populate(struct assay_finding *finding)
{
	long page = sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int refused = memory == MAP_FAILED || madvise(memory, (size_t)page, MADV_POPULATE_WRITE) < 0;

	if (memory != MAP_FAILED)
		munmap(memory, (size_t)page);
	if (!refused)
		assay_finding_set(finding, ASSAY_MARK_OK, "space for samples is reserved without opening a file "
							  "(MADV_POPULATE_WRITE)");
	else
		assay_finding_set(finding, ASSAY_MARK_NOTE, "this kernel, older than 5.14, reserves space for samples through the "
							    "file instead: slower, and no less safe");
}

/* File systems that are shared over a network, where a shared mapping is slow or worse (statfs(2)). */
static const struct {
	unsigned long type;
	const char *name;
} network_file_systems[] = {
	{ 0x6969, "NFS" },        { 0x517b, "SMB" },        { 0xff534d42, "SMB" },    { 0xfe534d42, "SMB" },
	{ 0x0bd00bd0, "Lustre" }, { 0x47504653, "GPFS" },   { 0x19830326, "BeeGFS" }, { 0x00c36400, "Ceph" },
	{ 0x5346414f, "AFS" },    { 0x01021997, "9P" },     { 0x65735546, "FUSE" },
};

static const char *network_file_system(const struct statfs *fs)
{
	for (size_t i = 0; i < sizeof(network_file_systems) / sizeof(network_file_systems[0]); i++) {
		if (network_file_systems[i].type == ((unsigned long)fs->f_type & 0xffffffff))
			return network_file_systems[i].name;
	}
	return NULL;
}

/* Does what a run does: a file, space for it, a shared mapping that is written to. The file is gone afterwards. */
static int try_spool(const char *directory)
{
	char path[PATH_MAX];
	char *memory = MAP_FAILED;
	int fd, error;

	if (snprintf(path, sizeof(path), "%s/assay-doctor.XXXXXX", directory) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	error = -posix_fallocate(fd, 0, TRIAL_BYTES);
	if (error < 0)
		goto out;
	memory = mmap(NULL, TRIAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		error = -errno;
		goto out;
	}
	memory[TRIAL_BYTES - 1] = 1;
	munmap(memory, TRIAL_BYTES);
out:
	close(fd);
	return error;
}

static void check_spool(struct assay_finding *finding)
{
	const char *directory = assay_run_dir_parent(), *network;
	struct statfs fs;
	double free_mib;
	int error = try_spool(directory);

	if (error == 0 && statfs(directory, &fs) < 0)
		error = -errno;
	if (error < 0) {
		assay_finding_set(finding, ASSAY_MARK_NO, "samples cannot be kept in %s: %s", directory, strerror(-error));
		assay_finding_advise(finding, "make room there, or name another local folder: assay run --spool-dir=DIR, or set %s",
			ASSAY_ENV_SPOOL_DIR);
		return;
	}
	free_mib = (double)fs.f_bavail * (double)fs.f_bsize / (1 << 20);
	network = network_file_system(&fs);
	assay_finding_set(finding, ASSAY_MARK_OK, "%s, %.0f MiB free; a process takes %u MiB at most", directory, free_mib,
		ASSAY_LIMIT_DEFAULT >> 20);
	if (network) {
		finding->mark = ASSAY_MARK_NOTE;
		assay_finding_advise(finding, "%s is on a file system shared over a network (%s); name a local folder: "
					      "assay run --spool-dir=DIR, or set %s", directory, network, ASSAY_ENV_SPOOL_DIR);
	} else if (free_mib < (ASSAY_LIMIT_DEFAULT >> 20)) {
		finding->mark = ASSAY_MARK_NOTE;
		assay_finding_advise(finding, "enough for short runs; for more room name another local folder: "
					      "assay run --spool-dir=DIR, or set %s", ASSAY_ENV_SPOOL_DIR);
	}
}

static int opens(const char *library)
{
	void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);

	if (!handle)
		return 0;
	dlclose(handle);
	return 1;
}

static void check_libunwind(struct assay_finding *finding)
{
#ifdef HAVE_LIBUNWIND
	if (opens("libunwind.so.8")) {
		assay_finding_set(finding, ASSAY_MARK_OK, "there, for assay run --unwinder=libunwind");
		return;
	}
	assay_finding_set(finding, ASSAY_MARK_NOTE, "not installed: --unwinder=libunwind cannot be used (the default, Assay's "
						    "own unwinder, does not need it)");
	assay_finding_advise(finding, "only to compare the two: apt-get install libunwind8, or dnf install libunwind");
#else
	assay_finding_set(finding, ASSAY_MARK_NOTE, "Assay was built without it: --unwinder=libunwind cannot be used (the "
						    "default, Assay's own unwinder, does not need it)");
#endif
}

static void check_debuginfod(struct assay_finding *finding)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (!urls || !*urls) {
		assay_finding_set(finding, ASSAY_MARK_NOTE, "off: DEBUGINFOD_URLS is not set, so nothing is ever fetched");
		assay_finding_advise(finding, "to see the functions and lines of system libraries, set DEBUGINFOD_URLS to your "
					      "distribution's server, or install its debug packages");
	} else if (!opens("libdebuginfod.so.1")) {
		assay_finding_set(finding, ASSAY_MARK_NOTE, "DEBUGINFOD_URLS is set, but libdebuginfod is not installed");
		assay_finding_advise(finding, "apt-get install libdebuginfod1, or dnf install elfutils-debuginfod-client");
	} else {
		assay_finding_set(finding, ASSAY_MARK_OK, "on: missing debug information is asked for at %s", urls);
	}
}

/* dl_iterate_phdr: the path under which libc's own debug information would be installed, by its build-id. */
static int find_libc_debug(struct dl_phdr_info *info, size_t size, void *path)
{
	(void)size;
	if (!info->dlpi_name || !strstr(info->dlpi_name, "/libc.so.6"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const char *at = (const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		const char *end = at + info->dlpi_phdr[i].p_memsz;

		while (info->dlpi_phdr[i].p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *note = (const void *)at;
			const unsigned char *id = (const unsigned char *)(note + 1) + ((note->n_namesz + 3) & ~3u);
			char *out = path;

			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && note->n_descsz <= 64) {
				out += sprintf(out, "/usr/lib/debug/.build-id/%02x/", id[0]);
				for (unsigned int k = 1; k < note->n_descsz; k++)
					out += sprintf(out, "%02x", id[k]);
				strcpy(out, ".debug");
				return 1;
			}
			at = (const char *)id + ((note->n_descsz + 3) & ~3u);
		}
	}
	return 1;
}

static void check_libc_debug(struct assay_finding *finding)
{
	char path[256] = "";

	dl_iterate_phdr(find_libc_debug, path);
	if (path[0] && access(path, R_OK) == 0) {
		assay_finding_set(finding, ASSAY_MARK_OK, "installed: time inside libc is shown by function and line");
		return;
	}
	assay_finding_set(finding, ASSAY_MARK_NOTE, "not installed: inside libc only exported functions have names");
	assay_finding_advise(finding, "apt-get install libc6-dbg, or dnf debuginfo-install glibc, or set DEBUGINFOD_URLS");
}

/* Whether the first "flags" line of /proc/cpuinfo has the word. */
static int cpu_flag(const char *flag)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int found = 0;

	while (file && getline(&line, &size, file) > 0) {
		if (strncmp(line, "flags", 5) != 0)
			continue;
		for (char *save, *word = strtok_r(line, " \t\n:", &save); word && !found; word = strtok_r(NULL, " \t\n:", &save))
			found = strcmp(word, flag) == 0;
		break;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

static void check_clock(struct assay_finding *finding)
{
	FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
	int invariant = cpu_flag("constant_tsc") && cpu_flag("nonstop_tsc");
	const char *tsc = invariant ? "runs at one speed on all cores" : "may change speed or stop";
	char source[64] = "unknown";
	struct timespec begin, end;
	double each;

	if (file) {
		if (fscanf(file, "%63s", source) != 1)
			strcpy(source, "unknown");
		fclose(file);
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < 100000; i++)
		clock_gettime(CLOCK_MONOTONIC, &end);
	each = ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / 100000;
	assay_finding_set(finding, each < 200 ? ASSAY_MARK_OK : ASSAY_MARK_NOTE,
		"%s; reading it takes %.0f ns; the processor's time-stamp counter %s", source, each, tsc);
	if (each >= 200)
		assay_finding_advise(finding, "reading the time is slow here, and so is measuring; if the counter can be trusted, "
					      "boot with clocksource=tsc");
}

const struct assay_check assay_doctor_checks[] = {
	{ "kernel", check_kernel },
	{ "C library", check_libc },
	{ "preloaded library", check_library },
	{ "CPU-time timers", assay_check_cpu_timer },
	{ "perf cpu-clock", assay_check_perf_clock },
	{ "spool folder", check_spool },
	{ "spool reservation", check_populate },
	{ "waiting for a core", check_core_wait },
	{ "clock", check_clock },
	{ "libunwind", check_libunwind },
	{ "debug info of libc", check_libc_debug },
	{ "debuginfod", check_debuginfod },
	{ "hardware counters", assay_check_counters },
};

const size_t assay_doctor_checks_count = sizeof(assay_doctor_checks) / sizeof(assay_doctor_checks[0]);

_Static_assert(sizeof(assay_doctor_checks) / sizeof(assay_doctor_checks[0]) <= ASSAY_CHECKS_MAX, "too many checks");
