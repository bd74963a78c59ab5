/* wrong_plugin.c: a plugin NAME that something is wrong with. */
#include <assay/plugin.h>

#include <errno.h>

#define PLUGIN_(name) ASSAY_PLUGIN(name)
#define PLUGIN(name) PLUGIN_(name)
#define TEXT_(text) #text
#define TEXT(text) TEXT_(text)

#if defined NO_CONSTANT

int nothing_of_use = 1;

#else

#ifndef ABI
#define ABI ASSAY_PLUGIN_ABI
#endif
#ifndef SIZE
#define SIZE sizeof(struct assay_plugin)
#endif

#ifdef REFUSES
static const char *probe(const struct assay_host *host)
{
	return host ? "there is nothing for it in this program" : (const char *)0;
}
#endif

#ifdef NOT_HERE
static const char *probe(const struct assay_host *host)
{
	(void)host;
	return "this machine is not of that kind";
}
#endif

static int start(const struct assay_host *host)
{
	(void)host;
#ifdef FAILS
	return -ENOSYS;
#else
	return 0;
#endif
}

#ifdef UNDEFINED
int what_nobody_defines(void);
int uses_it(void) { return what_nobody_defines(); }
#endif

#ifdef MANY
#define FOUR(n) { n "1", "count", ASSAY_PLUGIN_COUNT, "" }, { n "2", "count", ASSAY_PLUGIN_COUNT, "" }, \
	{ n "3", "count", ASSAY_PLUGIN_COUNT, "" }, { n "4", "count", ASSAY_PLUGIN_COUNT, "" }
#define SIXTEEN(n) FOUR(n "1"), FOUR(n "2"), FOUR(n "3"), FOUR(n "4")
static const struct assay_plugin_metric metrics[] = {
	SIXTEEN("a"), SIXTEEN("b"), SIXTEEN("c"), SIXTEEN("d"), { 0, 0, 0, 0 },
};
#endif

PLUGIN(NAME) = {
	.abi = ABI,
	.size = SIZE,
	.name = TEXT(NAME),
	.summary = "something is wrong with it",
#if defined REFUSES || defined NOT_HERE
	.probe = probe,
#endif
#ifdef MANY
	.metrics = metrics,
#endif
	.start = start,
};

#endif
