#!/usr/bin/env bash
# What blocks does the same under Assay as without: results, errno, what was interrupted, cancelled or jumped out of. And
# what it waited is there.
. "$top_srcdir/tests/e2e/lib.sh"
ulimit -c 0
compile blocking.c -w -D_GNU_SOURCE

# ---- one group of calls after the other ----

groups='mutexes c11_threads other_locks conditions sleeps children polls reads opens sockets names queues file_locks
	futexes jumps cancellations storms'
clean() { rm -f blocking.data fifo cancel-fifo locked made; [ "$1" != opens ] || : >blocking.data; }
for group in $groups; do
	clean "$group"
	bare "$group" timeout 300 ./blocking "$group"
	clean "$group"
	under "$group" --plugins=waits -- timeout 300 ./blocking "$group"
	check "$group: output and exit status are those of the bare run" agrees "$group"
	same '... which came to its end' "$(cat "$group.bare.status")" 0
	check '... and the account holds' identity "$group"
done
same 'all groups were tried' "$(printf '%s\n' $groups | sort)" \
	"$(grep -o '\bG([a-z0-9_]*)' "$programs/blocking.c" | tr -d 'G()' | grep -vx name | sort)"

# waited PROFILE KIND NAME: how often that was waited for.
waited()
{
	ask "$1" "SELECT coalesce(sum(times), 0) FROM measured WHERE metric = 'waits' AND what = '$2' AND name LIKE '$3'"
}

holds 'a mutex that was held is known by its name' "$(waited mutexes mutex lock) > 10"
holds 'so is a condition' "$(waited conditions condition changed) > 3"
holds '... a semaphore' "$(waited conditions semaphore sem) > 3"
holds '... a read-write lock' "$(waited other_locks rwlock rw) > 5"
holds '... a futex' "$(waited futexes futex word%) > 5"
holds 'what a descriptor is: a pipe' "$(waited reads read pipe) > 1"
holds '... a file lock by its file' "$(waited file_locks 'file lock' '%/locked') > 2"
holds '... a message queue' "$(waited queues 'message queue' '/assay-blocking%') > 0"
holds '... a FIFO that was opened' "$(waited opens open %) > 1"
holds '... a listening socket by its port' "$(waited sockets accept 'socket, own port%') > 0"
holds 'cancelled waits are there' "$(waited cancellations sleep nanosleep) > 0"
# a wait that was left by a jump is not
same 'a jump out of a wait leaves no wait behind' "$(ask jumps "SELECT count(*) FROM thread WHERE wait_ns < 0")" 0

# ---- what has no symbol ----

# Objects on the heap, one after the other at the same address; and reads that are cancelled.
cat >nameless.c <<'END'
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#define OWN __attribute__((noinline, noclone))
struct object { pthread_mutex_t m; int word; };
static void *address[2];
static int fds[2];
static void nap(int ms) { struct timespec t = { 0, ms * 1000000l }; nanosleep(&t, 0); }
OWN static void *wait_for_cache(void *p) { struct object *o = p; pthread_mutex_lock(&o->m); o->word++; pthread_mutex_unlock(&o->m); return 0; }
OWN static void *wait_for_log(void *p) { struct object *o = p; pthread_mutex_lock(&o->m); o->word--; pthread_mutex_unlock(&o->m); return 0; }
OWN static void use(int n, void *(*does)(void *), int ms)
{
	struct object *o = malloc(sizeof *o);
	pthread_t id;
	address[n] = o;
	*o = (struct object){ PTHREAD_MUTEX_INITIALIZER, 0 }; /* as std::mutex does: no call of init or destroy */
	pthread_mutex_lock(&o->m);
	pthread_create(&id, 0, does, o);
	nap(ms);
	pthread_mutex_unlock(&o->m);
	pthread_join(id, 0);
	free(o);
}
OWN static void *consume(void *p)
{
	struct object *o = p;
	while (!__atomic_load_n(&o->word, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &o->word, FUTEX_WAIT, 0, NULL, NULL, 0);
	return 0;
}
OWN static void produce(void)
{
	struct object *o = calloc(1, sizeof *o);
	pthread_t id;
	pthread_create(&id, 0, consume, o);
	nap(50);
	__atomic_store_n(&o->word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &o->word, FUTEX_WAKE, 1, NULL, NULL, 0);
	pthread_join(id, 0);
	free(o);
}
OWN static void *read_on(void *unused)
{
	char c;
	for (;;)
		if (read(fds[0], &c, 1) != 1)
			return unused;
}
/* The first ones, which are short, say what to expect of the last. */
OWN static void cancel(void)
{
	char some[100] = { 0 };
	pthread_t id;
	if (pipe(fds) || write(fds[1], some, sizeof some) != sizeof some)
		exit(1);
	pthread_create(&id, 0, read_on, NULL);
	nap(50);
	pthread_cancel(id);
	pthread_join(id, 0);
}
int main(void)
{
	use(0, wait_for_cache, 20);
	use(1, wait_for_log, 100);
	produce();
	cancel();
	puts(address[0] == address[1] ? "same" : "other");
	return 0;
}
END
$CC -O1 -g -o nameless nameless.c -pthread || exit 1
both nameless --plugins=waits -- ./nameless
same 'two locks came to lie at one address' "$(cat nameless.out)" same
holds 'each is named by where it is waited for: the first' \
	"$(waited nameless mutex 'waited for in wait_for_cache%') == 1"
holds '... the second' "$(waited nameless mutex 'waited for in wait_for_log%') == 1"
same '... and so is who had it, once each' "$(ask nameless "SELECT f.name LIKE 'waited for in wait_for_cache%', count(*)
	FROM value v JOIN metric k ON k.id = v.metric AND k.name = 'held' JOIN node n ON n.id = v.node AND n.kind = 'mutex'
	JOIN function f ON f.id = n.function GROUP BY 1" | tr '\n' ' ')" '0|1 1|1 '
holds 'a futex is named by where the program waits for it' "$(waited nameless futex 'waited for in consume%') > 0"
same 'a cancelled read is not in what unwinds the stack' "$(ask nameless "SELECT count(*) FROM value v
	JOIN metric k ON k.id = v.metric AND k.name = 'waits' JOIN node n ON n.id = v.node
	JOIN node a ON a.id <= n.id AND n.id <= a.last JOIN function f ON f.id = a.function WHERE f.name LIKE '%nwind%'")" 0
holds '... but it is there' "$(ask nameless "SELECT coalesce(sum(v.sum), 0) FROM value v
	JOIN metric k ON k.id = v.metric AND k.name = 'waits' JOIN node n ON n.id = v.node AND n.kind = 'read'") > 4e7"

# ---- other programs ----

# With a threshold of nothing each wait is looked at.
for options in waits waits:threshold=0ns; do
	both python --plugins=$options -- "$python" -c '
import queue, selectors, socket, subprocess, threading, time
q, done, lock, total = queue.Queue(2), threading.Event(), threading.Lock(), [0]
def produce():
    for i in range(200): q.put(i)
    q.put(None)
def consume():
    while (i := q.get()) is not None:
        with lock: total[0] += i
    done.set()
for f in produce, consume: threading.Thread(target=f).start()
print(done.wait(60), total)
s = selectors.DefaultSelector()
a, b = socket.socketpair()
s.register(a, selectors.EVENT_READ)
print(len(s.select(0.01)))
b.send(b"x")
print(len(s.select(60)), a.recv(1))
print(subprocess.run(["sh", "-c", "read a; echo got $a; exit 3"], input=b"hello\n", capture_output=True))
print(subprocess.Popen(["sleep", "0"]).wait(60))
r = threading.Barrier(3)
def meet(): r.wait(60)
t = [threading.Thread(target=meet) for i in range(2)]
[x.start() for x in t]; meet(); [x.join() for x in t]
try: lock.acquire(); print(lock.acquire(timeout=0.01))
finally: lock.release()
'
done
jemalloc=$(ls /usr/lib*/libjemalloc.so.2 /usr/lib/*/libjemalloc.so.2 2>/dev/null | head -n 1)
if [ -n "$jemalloc" ]; then
	clean storms
	both jemalloc --plugins=waits -- env LD_PRELOAD="$jemalloc" ./blocking storms
	both jemalloc_python --plugins=waits -- env LD_PRELOAD="$jemalloc" "$python" -c 'import threading
t = [threading.Thread(target=lambda: [bytearray(9999) for i in range(999)]) for n in range(8)]
[x.start() for x in t]; [x.join() for x in t]; print("done")'
else
	skip 'jemalloc is preloaded too' 'there is none'
fi

# What dlerror() is to tell is not lost when a function is called for the first time.
cat >tells.c <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	const char *said;
	dlopen("/nonexistent.so", RTLD_NOW);
	pthread_mutex_lock(&m);
	usleep(1);
	pthread_mutex_unlock(&m);
	said = dlerror();
	puts(said ? said : "nothing");
	return 0;
}
END
$CC -o tells tells.c -pthread || exit 1
both tells --plugins=waits -- ./tells
like '... which is' "$(cat tells.bare.out)" '*nonexistent*'

# A library whose constructor waits for a thread, which calls what waits for the first time, while the loader is locked.
cat >joins.c <<'END'
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static void *first(void *unused)
{
	struct timespec t = { 0, 1000 };
	pthread_rwlock_wrlock(&rw);
	nanosleep(&t, 0);
	pthread_rwlock_unlock(&rw);
	return unused;
}
__attribute__((constructor)) static void begin(void)
{
	pthread_t id;
	pthread_create(&id, 0, first, 0);
	pthread_join(id, 0);
}
END
cat >loads.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(void) { return puts(dlopen("./joins.so", RTLD_NOW) ? "loaded" : dlerror()) < 0; }
END
$CC -shared -fPIC -o joins.so joins.c -pthread && $CC -o loads loads.c || exit 1
both loads --plugins=waits -- timeout 100 ./loads
same '... and was' "$(cat loads.out)" loaded
finish
