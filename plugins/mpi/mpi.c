/*
 * mpi: where a program waits for the other processes of its job, and what goes between them.
 *
 * mpi.c       the plugin, and this process's place in the job
 * library.c   which MPI library the process uses, and the functions behind ours
 * call.c      a call: its time, its bytes, where it is made
 * comm.c      communicators and windows
 * request.c   operations that go on
 * mpi.in.c    the interposed functions, with mpi.tab; interposed.c is made of the two
 * fortran.in.c  where Fortran calls them
 *
 * Nothing here needs an MPI library, neither to build nor to load: see types.h. In a process that has none, or is not
 * measured, each function does what the one behind it does and no more.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "call.h"

/* What the launchers say of the job, equal in all its processes: of PMIx (Open MPI), of Slurm, of PMI. */
static const char *job(char *text, size_t size)
{
	const char *name = getenv("PMIX_NAMESPACE"), *step = getenv("SLURM_STEP_ID");

	if (name && *name) {
		snprintf(text, size, "pmix %s", name);
		return text;
	}
	name = getenv("SLURM_JOB_ID");
	if (name && *name) {
		snprintf(text, size, "slurm %s.%s", name, step ? step : "");
		return text;
	}
	name = getenv("PMI_JOBID");
	if (!name || !*name)
		return NULL;
	snprintf(text, size, "pmi %s", name);
	return text;
}

void assay_mpi_initialised(void)
{
	const struct assay_host *h = atomic_load_explicit(&assay_mpi_host, memory_order_acquire);
	static _Atomic bool told;
	char text[128];
	int rank, size;

	if (h && assay_mpi_comm_self(&rank, &size) && !atomic_exchange(&told, true)) {
		assay_mpi_world_size = size;
		if (h->size > offsetof(struct assay_host, rank))
			h->rank((uint32_t)rank, (uint32_t)size, job(text, sizeof text));
	}
	atomic_store_explicit(&assay_mpi_ready, true, memory_order_release);
}

static int start(const struct assay_host *h)
{
	assay_mpi_threshold_ns = h->option_ns("threshold");
	assay_mpi_metric = (struct assay_mpi_metrics){
		.calls = h->metric("mpi"),
		.sent = h->metric("mpi_sent"),
		.received = h->metric("mpi_received"),
		.to = h->metric("mpi_to"),
		.from = h->metric("mpi_from"),
		.written = h->metric("mpi_written"),
		.read = h->metric("mpi_read"),
		.flight = h->metric("mpi_flight"),
		.hidden = h->metric("mpi_hidden"),
		.lost = h->metric("mpi_not_followed"),
	};
	atomic_store_explicit(&assay_mpi_host, h, memory_order_release);
	return 0;
}

static void stop(void)
{
	atomic_store_explicit(&assay_mpi_host, NULL, memory_order_release);
}

static const struct assay_plugin_metric metrics[] = {
	{ "mpi", "ns", ASSAY_PLUGIN_WAIT, "time in calls of MPI that communicate, complete what was started, or are made by all "
		"processes together, from call to return" },
	{ "mpi_sent", "bytes", ASSAY_PLUGIN_BYTES, "what the program gave to MPI to be sent, by the call that did" },
	{ "mpi_received", "bytes", ASSAY_PLUGIN_BYTES, "what it got, by the call that asked for it" },
	{ "mpi_to", "bytes", ASSAY_PLUGIN_BYTES, "messages, and what was put into others' windows, by the rank in "
		"MPI_COMM_WORLD to which it went" },
	{ "mpi_from", "bytes", ASSAY_PLUGIN_BYTES, "messages, and what was fetched from others' windows, by the rank in "
		"MPI_COMM_WORLD from which it came" },
	{ "mpi_written", "bytes", ASSAY_PLUGIN_BYTES, "what was written to files through MPI" },
	{ "mpi_read", "bytes", ASSAY_PLUGIN_BYTES, "what was read from files through MPI" },
	{ "mpi_flight", "ns", ASSAY_PLUGIN_EXACT_TIME, "how long operations were under way: from the return of the call that "
		"started one to the return of the call that found it complete" },
	{ "mpi_hidden", "ns", ASSAY_PLUGIN_EXACT_TIME, "the part of mpi_flight before the call that found it complete: "
		"overlapped with what the program did meanwhile" },
	{ "mpi_not_followed", "count", ASSAY_PLUGIN_COUNT, "operations that were started when too many others were under way: "
		"they are in no mpi_flight, and of messages received by them there are no bytes" },
	{ NULL, NULL, 0, NULL },
};

ASSAY_PLUGIN(mpi) = {
	.abi = ASSAY_PLUGIN_ABI,
	.size = sizeof(struct assay_plugin),
	.name = "mpi",
	.summary = "time in MPI calls, bytes, and who talks to whom",
	.flags = ASSAY_PLUGIN_AUTO,
	.metrics = metrics,
	.start = start,
	.stop = stop,
	.thread_stop = assay_mpi_call_thread_stop,
};
