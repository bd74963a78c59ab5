/*
 * Names of descriptors: what /proc/self/fd says, asked for once, the first time that a call waits long for one, and kept
 * until it is closed. Every function that makes or closes one says so (assay_waits_forget).
 */
#include "waits.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROWS = 1024, NAME_MAX_SHOWN = 200 };
#define NO_NAME UINT32_MAX

/* That of descriptor fd is in row fd % ROWS, with fd + 1 in it. The frame's number, or NO_NAME: it has been asked for. */
static struct {
	_Atomic uint32_t owner;
	_Atomic uint32_t frame[WAIT_OF_DESCRIPTORS];
} rows[ROWS] ASSAY_WAITS_COLD;

static _Atomic bool any;       /* row is in use */
static _Atomic bool locked_in;
static struct assay_waits_names named ASSAY_WAITS_COLD;

static uint32_t kept(enum assay_waits_kind kind, int fd)
{
	uint32_t row = (uint32_t)fd % ROWS, owner = (uint32_t)fd + 1, frame;

	if (kind >= WAIT_OF_DESCRIPTORS || fd < 0 || !atomic_load_explicit(&any, memory_order_relaxed) ||
	    atomic_load_explicit(&rows[row].owner, memory_order_acquire) != owner)
		return 0;
	frame = atomic_load_explicit(&rows[row].frame[kind], memory_order_acquire);
	return atomic_load_explicit(&rows[row].owner, memory_order_acquire) == owner ? frame : 0;
}

uint32_t assay_waits_file_known(enum assay_waits_kind kind, int fd)
{
	uint32_t frame = kept(kind, fd);

	return frame == NO_NAME ? 0 : frame;
}

static void clear(uint32_t row)
{
	atomic_store_explicit(&rows[row].owner, 0, memory_order_release);
	for (int k = 0; k < WAIT_OF_DESCRIPTORS; k++)
		atomic_store_explicit(&rows[row].frame[k], 0, memory_order_release);
}

static void keep(enum assay_waits_kind kind, int fd, uint32_t frame)
{
	uint32_t row = (uint32_t)fd % ROWS, owner = (uint32_t)fd + 1;

	if (kind >= WAIT_OF_DESCRIPTORS)
		return;
	if (atomic_load_explicit(&rows[row].owner, memory_order_acquire) != owner)
		clear(row);
	atomic_store_explicit(&rows[row].frame[kind], frame, memory_order_release);
	atomic_store_explicit(&rows[row].owner, owner, memory_order_release);
	atomic_store_explicit(&any, true, memory_order_relaxed);
}

void assay_waits_forget(unsigned first, unsigned last)
{
	if (!atomic_load_explicit(&any, memory_order_relaxed) || first > last)
		return;
	for (unsigned i = 0; i < ROWS && i <= last - first; i++) {
		uint32_t row = (first + i) % ROWS;
		uint32_t owner = atomic_load_explicit(&rows[row].owner, memory_order_acquire);

		if (owner && owner - 1 >= first && owner - 1 <= last)
			clear(row);
	}
}

void assay_waits_locked_in(bool sealed)
{
	atomic_store(&locked_in, true);
	if (sealed)
		atomic_store(&assay_waits_host, NULL);
}

/* ---- looking up ---- */

/* Words put together: stdio would take more of the stack than a handler's may have. */
struct words {
	size_t length;
	char text[NAME_MAX_SHOWN + 64];
};

static void put_some(struct words *w, const char *text, size_t n)
{
	size_t room = sizeof w->text - 1 - w->length;

	n = n < room ? n : room;
	memcpy(w->text + w->length, text, n);
	w->length += n;
	w->text[w->length] = 0;
}

static void put(struct words *w, const char *text)
{
	put_some(w, text, strlen(text));
}

static void put_number(struct words *w, unsigned n)
{
	char digits[12];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	put_some(w, digits + at, sizeof digits - at);
}

union any_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static void put_v6(struct words *w, const struct sockaddr_in6 *a)
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		put_some(w, i == 0 ? "[" : ":", i % 2 == 0);
		put_some(w, &hex[a->sin6_addr.s6_addr[i] >> 4], 1);
		put_some(w, &hex[a->sin6_addr.s6_addr[i] & 15], 1);
	}
	put(w, "]:");
	put_number(w, ntohs(a->sin6_port));
}

static void put_v4(struct words *w, const struct sockaddr_in *a)
{
	const uint8_t *byte = (const uint8_t *)&a->sin_addr;

	for (int i = 0; i < 4; i++) {
		put_number(w, byte[i]);
		put(w, i < 3 ? "." : ":");
	}
	put_number(w, ntohs(a->sin_port));
}

/* False: it has no words for it. */
static bool put_address(struct words *w, const union any_address *a, socklen_t length)
{
	const char *path = a->un.sun_path;
	size_t size = length > offsetof(struct sockaddr_un, sun_path) ? length - offsetof(struct sockaddr_un, sun_path) : 0;

	if (a->any.sa_family == AF_UNIX && size) {
		put(w, *path ? " " : " @");
		put_some(w, path + !*path, strnlen(path + !*path, size - !*path));
		return true;
	}
	if (a->any.sa_family != AF_INET && a->any.sa_family != AF_INET6)
		return false;
	put(w, " ");
	if (a->any.sa_family == AF_INET)
		put_v4(w, &a->in);
	else
		put_v6(w, &a->in6);
	return true;
}

static unsigned port(const union any_address *a)
{
	return a->any.sa_family == AF_INET ? ntohs(a->in.sin_port) :
	       a->any.sa_family == AF_INET6 ? ntohs(a->in6.sin6_port) : 0;
}

/*
 * The end of it that has a name of its own: a server's address for its clients, its own port for the server, whose
 * clients come from ports that mean nothing.
 */
static void put_socket(struct words *w, int fd)
{
	enum { FIRST_OF_NO_MEANING = 32768 };
	union any_address peer, own;
	socklen_t peer_size = sizeof peer, own_size = sizeof own;
	bool has_peer = getpeername(fd, &peer.any, &peer_size) == 0 && peer_size >= sizeof peer.any.sa_family;
	bool has_own = getsockname(fd, &own.any, &own_size) == 0 && own_size >= sizeof own.any.sa_family;

	put(w, "socket");
	if (has_own && port(&own) && (!has_peer || (port(&own) < FIRST_OF_NO_MEANING && port(&peer) >= FIRST_OF_NO_MEANING))) {
		put(w, ", own port ");
		put_number(w, port(&own));
	} else if (!has_peer || !put_address(w, &peer, peer_size)) {
		if (has_own && own.any.sa_family == AF_UNIX)
			put_address(w, &own, own_size);
	}
}

/* What descriptor `fd` is; false: that cannot be found out. */
static bool put_descriptor(struct words *w, int fd)
{
	char target[512], *name = target;
	ssize_t n;

	put(w, "/proc/self/fd/");
	put_number(w, (unsigned)fd);
	n = readlink(w->text, target, sizeof target - 1);
	w->length = 0;
	if (n <= 0)
		return false;
	target[n] = 0;
	if (strncmp(target, "socket:", 7) == 0) {
		put_socket(w, fd);
		return true;
	}
	if (strncmp(target, "pipe:", 5) == 0)
		target[4] = 0;
	if (strncmp(target, "anon_inode:", 11) == 0) /* anon_inode:[eventpoll], anon_inode:inotify */
		name += 11;
	n = (ssize_t)strlen(name);
	if (n > NAME_MAX_SHOWN) {
		put(w, "...");
		name += n - NAME_MAX_SHOWN;
	}
	put(w, name);
	return true;
}

static uint64_t key_of(enum assay_waits_kind kind, const struct words *w)
{
	uint64_t hash = 0xcbf29ce484222325u + kind; /* FNV-1a */

	for (size_t i = 0; i < w->length; i++)
		hash = (hash ^ (uint8_t)w->text[i]) * 0x100000001b3u;
	return hash;
}

/* One whose name cannot be found out, or would be one too many, is not asked for again. */
uint32_t assay_waits_file_name(const struct assay_host *host, enum assay_waits_kind kind, int fd)
{
	uint32_t frame = kept(kind, fd);
	struct words words = { 0 };
	int saved = errno;
	uint64_t key;

	if (frame)
		return frame == NO_NAME ? 0 : frame;
	if (fd < 0 || atomic_load_explicit(&locked_in, memory_order_relaxed))
		return 0;
	if (put_descriptor(&words, fd)) {
		key = key_of(kind, &words);
		if (assay_waits_names_allow(&named, key))
			frame = host->frame(assay_waits_word(kind), words.text);
		assay_waits_names_note(&named, key, frame);
	}
	errno = saved;
	keep(kind, fd, frame ? frame : NO_NAME);
	return frame;
}
