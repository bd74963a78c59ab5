/* Ends in each way there is, also with handlers and threads at work. `ends WAY` */
#include "torture.h"

static void bye(void) { printf("at exit\n"); }
static void quick(void) { printf("at quick exit\n"); fflush(stdout); }

static void *burn(void *p)
{
	for (;;)
		hot(1000);
	return p;
}

static void *exit_here(void *p)
{
	hot(PLANTED / 2);
	exit(11);
	return p;
}

static void die(int signal)
{
	(void)signal;
	_exit(12);
}

static void recurse(volatile char *p)
{
	volatile char more[4096];

	more[0] = *p;
	recurse(more);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	pthread_t id;

	atexit(bye);
	at_quick_exit(quick);
	if (strchr(way, '+'))
		for (int i = 0; i < 2; i++)
			NEED(pthread_create(&id, NULL, burn, NULL) == 0);
	hot(PLANTED);
	fflush(stdout);
	switch (*way) {
	case 'k': raise(SIGKILL); break;
	case 's': *(volatile int *)8 = 1; break;
	case 'o': recurse(way[0] ? (volatile char *)way : NULL); break;
	case 'a': abort(); break;
	case '_': _exit(13);
	case 'q': quick_exit(14);
	case 'x': exit(15);
	case 'g': syscall(SYS_exit_group, 16); break;
	case 'h': on(SIGSEGV, die, 0); *(volatile int *)8 = 1; break;
	case 't':
		NEED(pthread_create(&id, NULL, exit_here, NULL) == 0);
		pthread_join(id, NULL);
		break;
	case 'i': __builtin_trap();
	case 'p': raise(SIGPIPE); break;
	default: return 17;
	}
	return 98;
}
