/*
 * compare: runs commands in turn, many times over, and says how their times compare.
 *
 *   compare run ROUNDS RAW BUDGET NAME=COMMAND...
 *       Each round runs every command once, beginning with another one each time, so that what the
 *       machine does to one it does to all. Prints a line a command: its ratios to the first one
 *       (median over the rounds, with the 95 % bootstrap interval of that median) and its own medians:
 *           NAME rounds wall lo hi cpu lo hi wall_s cpu_s whole_wall whole_cpu whole_wall_s whole_cpu_s failed
 *       "whole" is all that the command took, `wall` and `cpu` are what `compare time` measured
 *       inside it, or the same again. Stops early after BUDGET seconds, but never before 3 rounds.
 *       RAW gets every single figure as a line of JSON.
 *   compare time COMMAND ARGUMENT...
 *       Runs the command and notes its wall and CPU time for the `compare run` around it, without the
 *       time of a profiler's own programs before and after.
 *
 * Owns clocks and statistics. Knows nothing of profilers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS_MAX = 16, ROUNDS_MAX = 1000, RESAMPLES = 2000, ROUNDS_LEAST = 3 };

#define NOTE "BENCH_NOTE"

struct times {
	double wall, cpu;
};

struct command {
	const char *name, *text;
	struct times inner[ROUNDS_MAX], whole[ROUNDS_MAX];
	int failed;
};

static struct command commands[COMMANDS_MAX];
static int command_count, rounds_run;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

/* Runs it and waits. Returns its wait status, or -1. */
static int run_once(char *const argv[], bool quiet, struct times *times)
{
	double begin = now();
	struct rusage usage;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (quiet) {
			int null = open("/dev/null", O_RDWR);

			dup2(null, STDIN_FILENO);
			dup2(null, STDOUT_FILENO);
			dup2(null, STDERR_FILENO);
		}
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0)
		return -1;
	times->wall = now() - begin;
	times->cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	return status;
}

static int time_command(char *const argv[])
{
	const char *note = getenv(NOTE);
	struct times times;
	int status = run_once(argv, false, &times);
	FILE *out = note ? fopen(note, "we") : NULL;

	if (out) {
		fprintf(out, "%.9f %.9f\n", times.wall, times.cpu);
		fclose(out);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* ---- statistics ---- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *list, int count)
{
	qsort(list, (size_t)count, sizeof *list, ascending);
	return count % 2 ? list[count / 2] : (list[count / 2 - 1] + list[count / 2]) / 2;
}

/* Median, and the 95 % interval of it by resampling (Efron 1979), with the same resamples each time. */
static void estimate(const double *values, int count, double result[3])
{
	static double medians[RESAMPLES], drawn[ROUNDS_MAX];
	uint64_t x = 88172645463325252u;

	for (int i = 0; i < RESAMPLES; i++) {
		for (int k = 0; k < count; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			drawn[k] = values[x % (unsigned)count];
		}
		medians[i] = median(drawn, count);
	}
	memcpy(drawn, values, sizeof *values * (size_t)count);
	result[0] = median(drawn, count);
	median(medians, RESAMPLES);
	result[1] = medians[RESAMPLES / 40];
	result[2] = medians[RESAMPLES - 1 - RESAMPLES / 40];
}

enum which { WALL, CPU, WHOLE_WALL, WHOLE_CPU };

static double pick(const struct command *c, int round, enum which which)
{
	const struct times *t = which == WALL || which == CPU ? &c->inner[round] : &c->whole[round];

	return which == WALL || which == WHOLE_WALL ? t->wall : t->cpu;
}

static void compare(const struct command *c, enum which which, double result[3])
{
	double ratios[ROUNDS_MAX];

	for (int i = 0; i < rounds_run; i++) {
		double base = pick(&commands[0], i, which);

		ratios[i] = base > 0 ? pick(c, i, which) / base : 0;
	}
	estimate(ratios, rounds_run, result);
}

static double middle(const struct command *c, enum which which)
{
	double values[ROUNDS_MAX];

	for (int i = 0; i < rounds_run; i++)
		values[i] = pick(c, i, which);
	return median(values, rounds_run);
}

/* ---- rounds ---- */

static int run_command(struct command *c, int round, const char *note)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)c->text, NULL };
	FILE *in;
	int status;

	unlink(note);
	status = run_once(argv, true, &c->whole[round]);
	if (status)
		c->failed++;
	c->inner[round] = c->whole[round];
	in = fopen(note, "re");
	if (in) {
		if (fscanf(in, "%lf %lf", &c->inner[round].wall, &c->inner[round].cpu) != 2)
			c->failed++;
		fclose(in);
	}
	return status;
}

static void write_raw(const char *path)
{
	FILE *out = fopen(path, "ae");

	for (int i = 0; out && i < command_count; i++) {
		const struct command *c = &commands[i];

		for (int k = 0; k < rounds_run; k++)
			fprintf(out, "{\"command\":\"%s\",\"round\":%d,\"wall_s\":%.6f,\"cpu_s\":%.6f,"
				"\"whole_wall_s\":%.6f,\"whole_cpu_s\":%.6f}\n", c->name, k, c->inner[k].wall,
				c->inner[k].cpu, c->whole[k].wall, c->whole[k].cpu);
	}
	if (out)
		fclose(out);
}

static void print_line(const struct command *c)
{
	double wall[3], cpu[3], whole_wall[3], whole_cpu[3];

	compare(c, WALL, wall);
	compare(c, CPU, cpu);
	compare(c, WHOLE_WALL, whole_wall);
	compare(c, WHOLE_CPU, whole_cpu);
	printf("%s %d %.4f %.4f %.4f %.4f %.4f %.4f %.4f %.4f %.4f %.4f %.4f %.4f %d\n", c->name, rounds_run, wall[0],
		wall[1], wall[2], cpu[0], cpu[1], cpu[2], middle(c, WALL), middle(c, CPU), whole_wall[0], whole_cpu[0],
		middle(c, WHOLE_WALL), middle(c, WHOLE_CPU), c->failed);
}

static int run_rounds(int argc, char **argv)
{
	int rounds = atoi(argv[0]);
	double end = now() + atof(argv[2]);
	char note[4096];

	snprintf(note, sizeof note, "%s.note", argv[1]);
	setenv(NOTE, note, 1);
	for (int i = 3; i < argc && command_count < COMMANDS_MAX; i++) {
		char *equals = strchr(argv[i], '=');

		if (!equals)
			return 2;
		*equals = 0;
		commands[command_count].name = argv[i];
		commands[command_count++].text = equals + 1;
	}
	if (!command_count || rounds < 1)
		return 2;
	while (rounds_run < rounds && rounds_run < ROUNDS_MAX && (rounds_run < ROUNDS_LEAST || now() < end)) {
		for (int i = 0; i < command_count; i++)
			run_command(&commands[(i + rounds_run) % command_count], rounds_run, note);
		rounds_run++;
	}
	unlink(note);
	write_raw(argv[1]);
	for (int i = 0; i < command_count; i++)
		print_line(&commands[i]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "time") == 0)
		return time_command(argv + 2);
	if (argc > 5 && strcmp(argv[1], "run") == 0)
		return run_rounds(argc - 2, argv + 2);
	fprintf(stderr, "usage: compare run ROUNDS RAW BUDGET NAME=COMMAND... | compare time COMMAND...\n");
	return 2;
}
