#include "spool_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = 64 * 1024 };

static int check_header(struct assay_spool *spool, const char **why)
{
	static const char unwritten[sizeof((struct assay_spool_header *)0)->magic];
	const struct assay_spool_header *h = (const void *)spool->base;
	uint64_t next;

	/* the magic is written last */
	if (spool->mapped >= sizeof *h && memcmp(h->magic, unwritten, sizeof unwritten) == 0) {
		*why = "was not begun";
		return -ENODATA;
	}
	if (spool->mapped < sizeof *h || memcmp(h->magic, ASSAY_SPOOL_MAGIC, sizeof h->magic) != 0) {
		*why = "not a spool";
		return -EINVAL;
	}
	if (h->byte_order != ASSAY_SPOOL_BYTE_ORDER) {
		*why = "a spool of a machine with the other byte order";
		return -EINVAL;
	}
	if (h->version != ASSAY_SPOOL_VERSION) {
		*why = h->version > ASSAY_SPOOL_VERSION ? "a spool of a newer Assay" : "a spool of an older Assay";
		return -EINVAL;
	}
	if (h->header_size != sizeof *h || h->slot_size != ASSAY_SPOOL_SLOT) {
		*why = "a spool with a damaged header";
		return -EINVAL;
	}
	next = atomic_load_explicit(&h->next, memory_order_acquire);
	spool->size = next < spool->mapped ? next : spool->mapped;
	spool->header = h;
	spool->visited = calloc(1, spool->size / ASSAY_SPOOL_SLOT / 8 + 1);
	if (!spool->visited) {
		*why = "not enough memory";
		return -ENOMEM;
	}
	return 0;
}

int assay_spool_open_memory(const uint8_t *bytes, uint64_t size, struct assay_spool *spool, const char **why)
{
	*spool = (struct assay_spool){ .base = bytes, .mapped = size };
	return check_header(spool, why);
}

/* A spool's apparent size is its limit: how much of it is in use, as far as its header can be believed. */
static uint64_t used_part(int fd, uint64_t size)
{
	struct assay_spool_header h;

	if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h || h.next < sizeof h || h.next > size)
		return size;
	return h.next;
}

static int map(int fd, uint64_t size, struct assay_spool *spool)
{
	void *base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	spool->base = base;
	spool->mapped = size;
	return 0;
}

static int copy(int fd, uint64_t size, struct assay_spool *spool)
{
	uint8_t *bytes = malloc(size);
	uint64_t have = 0;
	ssize_t n;

	if (!bytes)
		return -ENOMEM;
	while (have < size && (n = pread(fd, bytes + have, size - have, (off_t)have)) > 0)
		have += (uint64_t)n;
	spool->base = bytes;
	spool->mapped = have;
	spool->copied = true;
	return 0;
}

int assay_spool_open(const char *path, struct assay_spool *spool, const char **why)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), error;
	uint64_t size = 0;

	*spool = (struct assay_spool){ 0 };
	*why = "not readable";
	/* the umask of the program may have taken the owner's right to read */
	if (fd < 0 && errno == EACCES && chmod(path, 0600) == 0)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	error = fstat(fd, &st) < 0 ? -errno : 0;
	if (!error && S_ISREG(st.st_mode) && st.st_size == 0) {
		*why = "was not begun";
		error = -ENODATA;
	}
	if (!error && (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct assay_spool_header))) {
		*why = "not a spool";
		error = -EINVAL;
	}
	if (!error) {
		size = used_part(fd, (uint64_t)st.st_size);
		error = size <= SMALL ? copy(fd, size, spool) : map(fd, size, spool);
	}
	close(fd);
	if (error)
		return error;
	error = check_header(spool, why);
	if (error)
		assay_spool_close(spool);
	else
		spool->cut_off = spool->header->next > size && spool->header->limit > size;
	return error;
}

void assay_spool_close(struct assay_spool *spool)
{
	if (spool->copied)
		free((void *)spool->base);
	else if (spool->base)
		munmap((void *)spool->base, spool->mapped);
	free(spool->visited);
	*spool = (struct assay_spool){ 0 };
}

/* `size` bytes at a reference, or NULL. */
static const void *at(const struct assay_spool *spool, assay_ref ref, uint64_t size)
{
	uint64_t offset = (uint64_t)ref * ASSAY_SPOOL_SLOT;

	if (ref < ASSAY_PLACES || offset >= spool->size || size > spool->size - offset)
		return NULL;
	return spool->base + offset;
}

/* Whether this slot is met for the first time in this walk. */
static bool first_visit(struct assay_spool *spool, assay_ref ref)
{
	uint8_t bit = (uint8_t)(1u << (ref & 7));

	if (spool->visited[ref >> 3] & bit)
		return false;
	spool->visited[ref >> 3] |= bit;
	return true;
}

static void forget_visits(struct assay_spool *spool)
{
	memset(spool->visited, 0, spool->size / ASSAY_SPOOL_SLOT / 8 + 1);
}

const char *assay_spool_string(const struct assay_spool *spool, assay_ref ref, size_t *length)
{
	const struct assay_spool_string *s = at(spool, ref, sizeof *s);

	if (!s || !at(spool, ref, sizeof *s + (uint64_t)s->length))
		return NULL;
	*length = s->length;
	return s->bytes;
}

const struct assay_spool_thread *assay_spool_thread(const struct assay_spool *spool, assay_ref ref)
{
	return at(spool, ref, sizeof(struct assay_spool_thread));
}

const struct assay_spool_module *assay_spool_module(const struct assay_spool *spool, assay_ref ref)
{
	return at(spool, ref, sizeof(struct assay_spool_module));
}

const struct assay_spool_frame *assay_spool_frame(const struct assay_spool *spool, assay_ref ref)
{
	return at(spool, ref, sizeof(struct assay_spool_frame));
}

const struct assay_spool_plugin *assay_spool_plugin(const struct assay_spool *spool, assay_ref ref)
{
	return at(spool, ref, sizeof(struct assay_spool_plugin));
}

const struct assay_spool_opens *assay_spool_opens(const struct assay_spool *spool, assay_ref ref)
{
	return at(spool, ref, sizeof(struct assay_spool_opens));
}

const struct assay_spool_metric *assay_spool_metric(const struct assay_spool *spool, assay_ref ref)
{
	return at(spool, ref, sizeof(struct assay_spool_metric));
}

const struct assay_spool_value *assay_spool_value(const struct assay_spool *spool, assay_ref ref)
{
	return at(spool, ref, sizeof(struct assay_spool_value));
}

const struct assay_spool_timeline *assay_spool_timeline(const struct assay_spool *spool, assay_ref ref)
{
	const struct assay_spool_timeline *t = at(spool, ref, sizeof *t);

	return t ? at(spool, ref, sizeof *t + (uint64_t)t->capacity * sizeof t->entries[0]) : NULL;
}

size_t assay_spool_list(struct assay_spool *spool, assay_ref first, size_t size, assay_ref **refs)
{
	size_t count = 0, room = 0;

	*refs = NULL;
	forget_visits(spool);
	for (assay_ref ref = first; at(spool, ref, size) && first_visit(spool, ref);) {
		if (count == room) {
			assay_ref *more = realloc(*refs, (room = room ? room * 2 : 16) * sizeof *more);

			if (!more)
				break;
			*refs = more;
		}
		(*refs)[count++] = ref;
		memcpy(&ref, at(spool, ref, size), sizeof ref);
	}
	return count;
}

struct pending {
	assay_ref ref;
	size_t parent;
};

struct tree {
	struct assay_spool_visit *visits;
	struct pending *stack;
	size_t count, room, depth, stack_room;
	bool failed;
};

static void push(struct tree *t, assay_ref ref, size_t parent)
{
	if (!ref || t->failed)
		return;
	if (t->depth == t->stack_room) {
		size_t room = t->stack_room ? t->stack_room * 2 : 64;
		struct pending *more = realloc(t->stack, room * sizeof *more);

		if (!more) {
			t->failed = true;
			return;
		}
		t->stack = more;
		t->stack_room = room;
	}
	t->stack[t->depth++] = (struct pending){ ref, parent };
}

static bool note(struct tree *t, assay_ref ref, size_t parent, const struct assay_spool_node *node)
{
	if (t->count == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		struct assay_spool_visit *more = realloc(t->visits, room * sizeof *more);

		if (!more)
			return false;
		t->visits = more;
		t->room = room;
	}
	t->visits[t->count++] = (struct assay_spool_visit){ ref, parent, node };
	return true;
}

size_t assay_spool_tree(struct assay_spool *spool, assay_ref root, struct assay_spool_visit **visits)
{
	struct tree t = { 0 };

	forget_visits(spool);
	push(&t, root, 0);
	while (t.depth && !t.failed) {
		struct pending next = t.stack[--t.depth];
		const struct assay_spool_node *node = at(spool, next.ref, sizeof *node);
		size_t index = t.count;

		if (!node || !first_visit(spool, next.ref) || !note(&t, next.ref, next.parent, node))
			continue;
		push(&t, atomic_load_explicit(&node->child, memory_order_acquire), index);
		if (index) { /* the root has no siblings */
			push(&t, atomic_load_explicit(&node->left, memory_order_acquire), next.parent);
			push(&t, atomic_load_explicit(&node->right, memory_order_acquire), next.parent);
		}
	}
	free(t.stack);
	*visits = t.visits;
	return t.count;
}
