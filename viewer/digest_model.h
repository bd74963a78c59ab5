/*
 * digest_model.h: what the stages of the digest hand to each other. Each stage fills its part:
 * digest_images.c images, threads and places; digest_symbols.c frames, functions and files;
 * digest_merge.c nodes and values; digest_write.c the file.
 *
 * All arrays grow, and are freed together when the digest is done.
 */
#ifndef ASSAY_VIEWER_DIGEST_MODEL_H
#define ASSAY_VIEWER_DIGEST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "map.h"
#include "profile/spool_reader.h"
#include "resolve.h"
#include "run_file.h"

/* Index + 1 into one of the arrays below; 0 = none. */
typedef uint32_t assay_id;

/* A growing array of T. */
#define ASSAY_ARRAY(T)                \
	struct {                      \
		T *at;                \
		size_t count, room;   \
	}

struct d_module {
	assay_id path;    /* text */
	const char *name; /* last part of the path */
	uint8_t build_id[ASSAY_BUILD_ID_MAX];
	size_t build_id_length;
	bool vdso;
	bool own;         /* the preloaded library, or a plugin: its frames are not shown */
	bool libc;
	bool openmp;      /* a runtime of OpenMP: see around_runtime in digest_merge.c */
	bool used;
	enum assay_symbols symbols;
	const char *note;
};

struct d_load {
	assay_id image, module;
	uint64_t start, end, bias, loaded_ns, unloaded_ns;
};

/*
 * An address in a module (0 = none), with the frames that it stands for, innermost first; or a frame of a plugin's, by
 * its kind and name.
 */
struct d_place {
	assay_id module;
	uint64_t address;
	assay_id kind, name; /* texts; 0: it is an address */
	assay_id at;         /* of a plugin's: the place whose symbol belongs to the name, or 0 */
	bool label;          /* such a symbol's place; its text, once known, is `name` */
	uint32_t first_frame, frames;
};

struct d_frame {
	assay_id function, file;
	int line;
	bool inlined;
};

struct d_function {
	assay_id name, linkage; /* texts */
	assay_id module, file;
	int line;
	bool named;
};

struct d_thread {
	assay_id image;
	const struct assay_spool_thread *record;
	struct assay_spool_visit *visits;
	size_t visit_count;
	assay_id *places; /* a visit's place; 0 = a special node */
	assay_id *leaf;   /* a visit's merged node, for its values */
	assay_id *base;   /* what its children hang under; 0: not merged yet */
	struct d_bootstrap *boot;
	assay_id entry;   /* place of the start routine */
	assay_id live_frame; /* place of what it waited for when its process ended */
	assay_id entry_function;
	/* the account, ns */
	int64_t wall, cpu, core_wait, located, wait, unread, sampled, startup, unsampled, spin;
	int64_t start;
	uint64_t open_wait, open_wait_after; /* of a wait that had no end; the second part of it */
	uint64_t instrumented; /* of `sampled`: in code of Assay's that the program called */
	uint64_t open; /* regions that were open at the end */
};

struct d_image {
	struct assay_spool spool;
	char *file;
	const struct assay_spool_header *header;
	assay_id from;          /* text: the image that it comes from, as it says */
	assay_id parent, after; /* after: the image that exec made of this one */
	assay_id name, exe, command, note, job; /* texts */
	uint32_t rank, ranks; /* of a parallel program; ranks 0: it is none of one */
	size_t first_thread, threads;
	bool linked;    /* some of its threads have nodes that lie below those of others */
	size_t first_load, loads;
	bool folded;    /* only a step on the way to the next image: not shown */
	bool root;      /* the program that was run */
	uint64_t start, end; /* CLOCK_MONOTONIC */
	uint64_t cpu_before; /* CPU clock of its first thread that belongs to the images before */
	uint64_t core_wait_before;
	const char *ended;
	bool has_status;
	int status;
	struct d_metric_number *metrics; /* what its spool calls them */
	size_t metric_count;
	size_t first_plugin, plugins;
	uint32_t row;   /* id in the profile */
};

enum d_kind { D_PROGRAM, D_NATIVE, D_INLINED, D_SPECIAL, D_FRAME };

struct d_node {
	assay_id parent, child, sibling;
	assay_id function, file;
	int line;
	enum d_kind kind;
	assay_id label; /* of a D_FRAME: text, its plugin's word for what it is */
	uint32_t row, last;
	uint64_t exclusive, exclusive_count, inclusive, inclusive_count;
	double exclusive_sumsq, inclusive_sumsq;
	bool outer_function, outer_line, outer_module;
};

struct d_value {
	assay_id node, thread;
	uint32_t metric;
	uint64_t count, sum;
	double sumsq;
};

/* 0 is CPU time. */
struct d_metric {
	uint32_t id;
	int kind;
	assay_id name, unit, obtained, help;
};

/* The number of a metric in one spool, and in the profile. */
struct d_metric_number {
	uint32_t spool, profile;
};

struct d_plugin {
	assay_id name, summary, left_out; /* texts */
};

struct assay_digest {
	const char *dir;
	struct assay_run_file run;
	uint64_t run_start;     /* CLOCK_MONOTONIC */
	const char *failed;     /* a spool that could not be read, and why, or NULL */
	size_t unreadable;

	ASSAY_ARRAY(char *) texts;
	ASSAY_ARRAY(struct d_image) images;
	ASSAY_ARRAY(struct d_thread) threads;
	ASSAY_ARRAY(struct d_module) modules;
	ASSAY_ARRAY(struct d_load) loads;
	ASSAY_ARRAY(struct d_place) places;
	ASSAY_ARRAY(struct d_frame) frames;
	ASSAY_ARRAY(struct d_function) functions;
	ASSAY_ARRAY(struct d_node) nodes;
	ASSAY_ARRAY(struct d_value) values;
	ASSAY_ARRAY(struct d_metric) metrics;
	ASSAY_ARRAY(struct d_plugin) plugins;
	struct assay_map text_map, module_map, place_map, function_map, node_map, value_map;
	uint64_t spool_bytes;
	bool no_memory;
};

/* Room for one more element: its index + 1, or 0 with d->no_memory set. The element is zeroed. */
#define ASSAY_ARRAY_ADD(d, array)                                                                         \
	(assay_digest_grow((d), (void **)&(array).at, &(array).room, (array).count, sizeof *(array).at) \
		 ? (assay_id)++(array).count                                                              \
		 : 0)
bool assay_digest_grow(struct assay_digest *d, void **at, size_t *room, size_t count, size_t size);

/* Interned text; "" has an id too. 0: no memory. */
assay_id assay_digest_text(struct assay_digest *d, const char *bytes, size_t length);
assay_id assay_digest_text_of(struct assay_digest *d, const char *text);
const char *assay_digest_string(const struct assay_digest *d, assay_id text);

/* The stages. 0, or a negative errno after an error message. */
int assay_digest_images(struct assay_digest *d);
int assay_digest_symbols(struct assay_digest *d, assay_resolver *resolver);
int assay_digest_merge(struct assay_digest *d);
int assay_digest_write(struct assay_digest *d, const char *output, bool force, bool numbered, char **written);

/* What all stages made, but for d->run. */
void assay_digest_free(struct assay_digest *d);

/* The account of every thread and image, between images and merge. */
void assay_digest_account(struct assay_digest *d);

#endif
