/* test_waits_files.c: the names that the plugin `waits` has for descriptors. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The module itself, for its table. */
#include "plugins/waits/files.c"
#include "plugins/waits/names.c"

const struct assay_host *_Atomic assay_waits_host;

const char *assay_waits_word(enum assay_waits_kind kind)
{
	return kind == WAIT_READ ? "read" : "other";
}

static char asked[512]; /* the last name */
static char given[2048][sizeof asked];
static uint32_t frames; /* how many of these there are */

static uint32_t frame(const char *kind, const char *name)
{
	snprintf(asked, sizeof asked, "%s: %s", kind, name);
	for (uint32_t i = 0; i < frames; i++)
		if (strcmp(given[i], asked) == 0)
			return i + 1;
	assert_true(frames < sizeof given / sizeof given[0]);
	strcpy(given[frames], asked);
	return ++frames;
}

static const struct assay_host host = { .abi = ASSAY_PLUGIN_ABI, .size = sizeof host, .frame = frame };

static int setup(void **state)
{
	(void)state;
	memset(rows, 0, sizeof rows);
	atomic_store(&any, false);
	atomic_store(&locked_in, false);
	memset(&named, 0, sizeof named);
	frames = 0;
	atomic_store(&assay_waits_host, &host);
	return 0;
}

static uint32_t name_it(int fd)
{
	uint32_t frame_number;

	asked[0] = 0;
	errno = 77;
	frame_number = assay_waits_file_name(&host, WAIT_READ, fd);
	assert_int_equal(errno, 77);
	return frame_number;
}

static void kinds_of_files(void **state)
{
	char path[4300], folder[] = "/tmp/assay-unit.XXXXXX", *end;
	int fds[2], fd;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_true(name_it(fds[0]));
	assert_string_equal(asked, "read: pipe");
	close(fds[0]);
	close(fds[1]);
	assay_waits_forget((unsigned)fds[0], (unsigned)fds[0]);
	fd = eventfd(0, 0);
	assert_true(name_it(fd));
	assert_string_equal(asked, "read: [eventfd]");
	close(fd);
	assay_waits_forget((unsigned)fd, (unsigned)fd);
	fd = open("/dev/null", O_RDONLY);
	assert_true(name_it(fd));
	assert_string_equal(asked, "read: /dev/null");
	close(fd);
	/* one that is too long to show has its end */
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/%0220d", folder, 0);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assay_waits_forget((unsigned)fd, (unsigned)fd);
	assert_true(name_it(fd));
	assert_memory_equal(asked, "read: ...000", 12);
	end = strrchr(asked, '.');
	assert_int_equal(strlen(end + 1), NAME_MAX_SHOWN);
	unlink(path);
	rmdir(folder);
	close(fd);
}

static void closed_ones(void **state)
{
	(void)state;
	assert_int_equal(name_it(-1), 0);
	assert_int_equal(name_it(999), 0);
	assert_string_equal(asked, "");
	/* it is not asked again, until it is made */
	assert_int_equal(dup2(0, 999), 999);
	assert_int_equal(name_it(999), 0);
	assert_int_equal(assay_waits_file_known(WAIT_READ, 999), 0);
	assay_waits_forget(999, 999);
	assert_true(name_it(999));
	close(999);
}

static void sockets(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), server, pair[2];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char wanted[64];
	struct words w = { 0 };

	(void)state;
	/* a port that means something: below those that the kernel hands out */
	for (int port_number = 20000; port_number < 32768; port_number++) {
		address.sin_port = htons((uint16_t)port_number);
		if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0)
			break;
	}
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, length), 0);
	server = accept(listener, NULL, NULL);
	assert_true(name_it(listener) && server >= 0);
	snprintf(wanted, sizeof wanted, "read: socket, own port %d", ntohs(address.sin_port));
	assert_string_equal(asked, wanted);
	assert_true(name_it(server));
	assert_string_equal(asked, wanted);
	assert_true(name_it(client));
	snprintf(wanted, sizeof wanted, "read: socket 127.0.0.1:%d", ntohs(address.sin_port));
	assert_string_equal(asked, wanted);
	close(server);
	close(client);
	close(listener);
	assay_waits_forget(0, ~0u);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(name_it(pair[0]));
	assert_string_equal(asked, "read: socket");
	close(pair[0]);
	close(pair[1]);
	assay_waits_forget(0, ~0u);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(un.sun_path, sizeof un.sun_path, "%cassay-unit-%d", 0, getpid());
	assert_int_equal(bind(listener, (struct sockaddr *)&un,
			      (socklen_t)(sizeof un.sun_family + 1 + strlen(un.sun_path + 1))), 0);
	assert_true(name_it(listener));
	snprintf(wanted, sizeof wanted, "read: socket @assay-unit-%d", getpid());
	assert_string_equal(asked, wanted);
	close(listener);

	inet_pton(AF_INET6, "2001:db8::12", &six.sin6_addr);
	put_v6(&w, &six);
	assert_string_equal(w.text, "[2001:0db8:0000:0000:0000:0000:0000:0012]:443");
}

/* A name is asked for once, and again for what has the number after it. */
static void kept_until_forgotten(void **state)
{
	int fds[2], fd;
	uint32_t first;

	(void)state;
	assert_int_equal(assay_waits_file_known(WAIT_READ, 3), 0);
	assert_int_equal(pipe(fds), 0);
	first = name_it(fds[0]);
	assert_int_equal(assay_waits_file_known(WAIT_READ, fds[0]), first);
	assert_int_equal(assay_waits_file_known(WAIT_WRITE, fds[0]), 0);
	assert_int_equal(name_it(fds[0]), first);
	assert_string_equal(asked, "");
	assay_waits_forget((unsigned)fds[0] + 1, (unsigned)fds[0] + 5);
	assert_int_equal(assay_waits_file_known(WAIT_READ, fds[0]), first);
	fd = open("/dev/null", O_RDONLY);
	dup2(fd, fds[0]);
	assay_waits_forget((unsigned)fds[0], (unsigned)fds[0]);
	assert_int_not_equal(name_it(fds[0]), first);
	assert_string_equal(asked, "read: /dev/null");
	/* another with its row */
	assert_int_equal(dup2(fds[1], fds[0] + ROWS), fds[0] + ROWS);
	assert_int_equal(assay_waits_file_known(WAIT_READ, fds[0] + ROWS), 0);
	assert_true(name_it(fds[0] + ROWS));
	assert_string_equal(asked, "read: pipe");
	assert_int_equal(assay_waits_file_known(WAIT_READ, fds[0]), 0);
	/* ranges, however long */
	assay_waits_forget((unsigned)fds[0] + 1, ~0u);
	assert_int_equal(assay_waits_file_known(WAIT_READ, fds[0] + ROWS), 0);
	assert_true(name_it(fds[0]));
	assay_waits_forget(0, ~0u);
	assert_int_equal(assay_waits_file_known(WAIT_READ, fds[0]), 0);
	close(fd);
	close(fds[0]);
	close(fds[1]);
	close(fds[0] + ROWS);
}

static uint32_t name_memory(int n)
{
	char path[64];
	uint32_t frame_number;
	int fd;

	snprintf(path, sizeof path, "number %d", n);
	fd = memfd_create(path, 0);
	assert_true(fd >= 0);
	assay_waits_forget((unsigned)fd, (unsigned)fd);
	frame_number = name_it(fd);
	if (!frame_number) { /* and is not asked again */
		assert_int_equal(kept(WAIT_READ, fd), NO_NAME);
		assert_string_equal(asked, "");
	}
	close(fd);
	return frame_number;
}

/* There is a limit to new names; those that there are can be given again. */
static void so_many_names(void **state)
{
	uint32_t first = name_memory(0);

	(void)state;
	for (int i = 1; i < ASSAY_WAITS_NAMES_MAX + 10; i++)
		assert_int_equal(name_memory(i) != 0, i < ASSAY_WAITS_NAMES_MAX);
	assert_int_equal(name_memory(0), first);
}

static void in_a_sandbox(void **state)
{
	(void)state;
	assay_waits_locked_in(false);
	assert_int_equal(name_it(0), 0);
	assert_ptr_equal(assay_waits_host, &host);
	assay_waits_locked_in(true);
	assert_null(assay_waits_host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kinds_of_files, setup),
		cmocka_unit_test_setup(closed_ones, setup),
		cmocka_unit_test_setup(sockets, setup),
		cmocka_unit_test_setup(kept_until_forgotten, setup),
		cmocka_unit_test_setup(so_many_names, setup),
		cmocka_unit_test_setup(in_a_sandbox, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
