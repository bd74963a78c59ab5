/*
 * nvtx_standin.h: stands for NVTX 3's headers, which are no package of Debian's. It follows what those do as they describe
 * it: at the first call it asks the environment for NVTX_INJECTION64_PATH, opens that library, and calls its
 * InitializeInjectionNvtx2 with a function that leads to tables of pointers to its function pointers; without one, all do
 * nothing. Numbers and layouts are NVTX's (c/include/nvtx3 of github.com/NVIDIA/NVTX); the tests were also run with those.
 */
#ifndef NVTX_STANDIN_H
#define NVTX_STANDIN_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <wchar.h>

typedef struct domain *nvtxDomainHandle_t;
typedef struct string *nvtxStringHandle_t;
typedef uint64_t nvtxRangeId_t;
typedef void nvtx_function(void);

typedef struct {
	uint16_t version, size;
	uint32_t category;
	int32_t colorType;
	uint32_t color;
	int32_t payloadType, reserved0;
	union {
		uint64_t ullValue;
	} payload;
	int32_t messageType;
	union {
		const char *ascii;
		const wchar_t *unicode;
		nvtxStringHandle_t registered;
	} message;
} nvtxEventAttributes_t;
enum { NVTX_VERSION = 3, NVTX_MESSAGE_TYPE_ASCII = 1, NVTX_MESSAGE_TYPE_UNICODE = 2, NVTX_MESSAGE_TYPE_REGISTERED = 3 };

static struct {
	nvtx_function *mark_ex, *mark_a, *mark_w, *start_ex, *start_a, *start_w, *end, *push_ex, *push_a, *push_w, *pop;
	nvtx_function *domain_mark, *domain_start, *domain_end, *domain_push, *domain_pop, *register_a, *register_w, *create_a,
		*create_w;
	nvtx_function **core[17], **core2[17];
} nvtx;

static int nvtx_table(int module, nvtx_function ****table, unsigned *size)
{
	*table = module == 1 ? nvtx.core : module == 5 ? nvtx.core2 : NULL;
	*size = 16;
	return *table != NULL;
}

static const void *nvtx_export(uint32_t id)
{
	static const struct {
		size_t size;
		int (*get)(int, nvtx_function ****, unsigned *);
	} callbacks = { sizeof callbacks, nvtx_table };

	return id == 1 ? &callbacks : NULL;
}

static void nvtx_initialise(void)
{
	nvtx_function **core[] = { NULL, &nvtx.mark_ex, &nvtx.mark_a, &nvtx.mark_w, &nvtx.start_ex, &nvtx.start_a,
		&nvtx.start_w, &nvtx.end, &nvtx.push_ex, &nvtx.push_a, &nvtx.push_w, &nvtx.pop };
	nvtx_function **core2[] = { NULL, &nvtx.domain_mark, &nvtx.domain_start, &nvtx.domain_end, &nvtx.domain_push,
		&nvtx.domain_pop, NULL, NULL, NULL, NULL, &nvtx.register_a, &nvtx.register_w, &nvtx.create_a, &nvtx.create_w };
	const char *path = getenv("NVTX_INJECTION64_PATH");
	void *library = path ? dlopen(path, RTLD_LAZY) : NULL;
	void *found = library ? dlsym(library, "InitializeInjectionNvtx2") : NULL;
	int (*initialise)(const void *(*)(uint32_t)) = NULL;

	for (unsigned i = 0; i < sizeof core / sizeof core[0]; i++)
		nvtx.core[i] = core[i];
	for (unsigned i = 0; i < sizeof core2 / sizeof core2[0]; i++)
		nvtx.core2[i] = core2[i];
	*(void **)&initialise = found;
	if (initialise && !initialise(nvtx_export))
		abort(); /* a tool that is there works */
}

#define NVTX_CALL(pointer, type, none, ...)                                       \
	({                                                                        \
		pthread_once(&nvtx_once, nvtx_initialise);                        \
		nvtx.pointer ? ((type)nvtx.pointer)(__VA_ARGS__) : none;          \
	})
static pthread_once_t nvtx_once = PTHREAD_ONCE_INIT;

static inline int nvtxRangePushA(const char *m) { return NVTX_CALL(push_a, int (*)(const char *), -2, m); }
static inline int nvtxRangePushW(const wchar_t *m) { return NVTX_CALL(push_w, int (*)(const wchar_t *), -2, m); }
static inline int nvtxRangePop(void) { return NVTX_CALL(pop, int (*)(void), -2); }
static inline nvtxRangeId_t nvtxRangeStartA(const char *m) { return NVTX_CALL(start_a, nvtxRangeId_t (*)(const char *), 0, m); }
static inline void nvtxRangeEnd(nvtxRangeId_t id) { NVTX_CALL(end, void (*)(nvtxRangeId_t), (void)0, id); }
static inline void nvtxMarkA(const char *m) { NVTX_CALL(mark_a, void (*)(const char *), (void)0, m); }
static inline nvtxDomainHandle_t nvtxDomainCreateA(const char *m) { return NVTX_CALL(create_a, nvtxDomainHandle_t (*)(const char *), NULL, m); }
static inline nvtxStringHandle_t nvtxDomainRegisterStringA(nvtxDomainHandle_t d, const char *m)
{
	return NVTX_CALL(register_a, nvtxStringHandle_t (*)(nvtxDomainHandle_t, const char *), NULL, d, m);
}
static inline int nvtxDomainRangePushEx(nvtxDomainHandle_t d, const nvtxEventAttributes_t *a)
{
	return NVTX_CALL(domain_push, int (*)(nvtxDomainHandle_t, const nvtxEventAttributes_t *), -2, d, a);
}
static inline int nvtxDomainRangePop(nvtxDomainHandle_t d) { return NVTX_CALL(domain_pop, int (*)(nvtxDomainHandle_t), -2, d); }
static inline void nvtxDomainMarkEx(nvtxDomainHandle_t d, const nvtxEventAttributes_t *a)
{
	NVTX_CALL(domain_mark, void (*)(nvtxDomainHandle_t, const nvtxEventAttributes_t *), (void)0, d, a);
}

#endif
