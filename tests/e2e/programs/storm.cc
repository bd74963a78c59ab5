// storm: exceptions in two threads while a third opens and closes a library: all of them take the loader's locks.
#include <atomic>
#include <cstdio>
#include <dlfcn.h>
#include <stdexcept>
#include <thread>

static std::atomic<bool> over;

__attribute__((noinline)) static void fail(long i)
{
	if (i >= 0)
		throw std::runtime_error("storm");
}

static void thrower(long *caught)
{
	for (long i = 0; i < 60000; i++) {
		try {
			fail(i);
		} catch (const std::exception &) {
			++*caught;
		}
	}
}

int main(int argc, char **argv)
{
	long caught[2] = {0, 0}, opened = 0, failed = 0;

	std::thread opener([&] {
		while (!over || opened < 50) {
			void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);

			if (!library || dlclose(library))
				failed++;
			opened++;
		}
	});
	std::thread one(thrower, &caught[0]), two(thrower, &caught[1]);
	one.join();
	two.join();
	over = true;
	opener.join();
	std::printf("caught %ld, failed %ld\n", caught[0] + caught[1], failed);
	return 0;
}
