/* A tool of the user's own, for OpenMP runtimes that know such. Says so when it is started. */
#include <unistd.h>

struct start {
	int (*initialize)(void *lookup, int device, void *data);
	void (*finalize)(void *data);
	unsigned long data;
};

static int initialize(void *lookup, int device, void *data)
{
	(void)lookup;
	(void)device;
	(void)data;
	return write(1, "the user's tool\n", 16) == 16;
}

static void finalize(void *data)
{
	(void)data;
}

struct start *ompt_start_tool(unsigned version, const char *runtime);
struct start *ompt_start_tool(unsigned version, const char *runtime)
{
	static struct start start = { initialize, finalize, 0 };

	(void)version;
	(void)runtime;
	return &start;
}
