#include "task.h"

#include <string.h>

#include "region.h"

bool assay_openmp_task_layout(long size, long align, struct assay_openmp_task_layout *layout)
{
	size_t a = align > (long)_Alignof(struct assay_openmp_task_header) ? (size_t)align :
		_Alignof(struct assay_openmp_task_header);

	if (size < 0 || size > ASSAY_OPENMP_TASK_MAX || align < 0 || align > 4096 || (a & (a - 1)) != 0)
		return false;
	layout->align = a;
	layout->offset = (sizeof(struct assay_openmp_task_header) + a - 1) & ~(a - 1);
	layout->size = (layout->offset + (size_t)size + a - 1) & ~(a - 1);
	return true;
}

void assay_openmp_task_fill(void *memory, const struct assay_openmp_task_layout *layout, unsigned copied,
	struct assay_openmp_runtime *runtime, void (*fn)(void *), void *data, void (*copy)(void *, void *), size_t size)
{
	struct assay_openmp_task_header *header = memory;

	if (!data || size < copied * sizeof header->words[0])
		copied = 0;
	*header = (struct assay_openmp_task_header){
		.fn = fn, .runtime = runtime, .offset = (uint32_t)layout->offset, .copied = copied, .copy = copy, .data = data, .size = size };
	if (copied == ASSAY_OPENMP_TASK_LOOP && data && size >= sizeof(uint64_t) * 2 + sizeof(void *))
		memcpy(&header->reductions, (char *)data + sizeof header->words, sizeof header->reductions);
	if (!copy && data && size)
		memcpy((char *)memory + layout->offset, data, size);
}

void assay_openmp_task_copy(void *to, void *from)
{
	const struct assay_openmp_task_header *header = from;

	/* the program's function may look at the event of a task that it copies */
	if (header->copied == ASSAY_OPENMP_TASK_DETACH)
		memcpy(header->data, header->words, sizeof header->words[0]);
	memcpy(to, header, sizeof *header);
	header->copy((char *)to + header->offset, header->data);
}

/* An adoption is by the stack frame of the function that calls the task. */
ASSAY_OPENMP_CALLS void assay_openmp_task_run(void *memory)
{
	const struct assay_openmp_task_header *header = memory;
	void *arguments = (char *)memory + header->offset;
	const struct assay_host *host = assay_openmp_host();
	struct assay_openmp_runtime *runtime = assay_openmp_self.runtime;
	void (*function)(void *) = assay_openmp_self.function;
	struct assay_openmp_away away;

	if (header->copied)
		memcpy(arguments, header->words, header->copied * sizeof header->words[0]);
	assay_openmp_self.function = header->fn;
	assay_openmp_self.runtime = header->runtime;
	if (host)
		assay_openmp_task_begin(host, &away, ASSAY_OPENMP_FRAME());
	header->fn(arguments);
	if (host)
		assay_openmp_task_end(host, &away);
	assay_openmp_self.function = function;
	assay_openmp_self.runtime = runtime;
}
