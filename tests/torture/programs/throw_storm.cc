// Threads that throw and catch without end while another loads and unloads a library.
#include <dlfcn.h>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "torture.h"

static std::atomic<bool> stop;
static std::atomic<long> caught, loads;

__attribute__((noinline)) static int deep(int n)
{
	if (n == 0)
		throw std::runtime_error("thrown");
	return deep(n - 1) + 1;
}

static void storm()
{
	for (int i = 0; i < 6000; i++) {
		try {
			deep(i % 20);
		} catch (const std::exception &e) {
			caught += std::string(e.what()) == "thrown";
		}
	}
}

static void load()
{
	while (!stop) {
		void *library = dlopen("./plugin.so", RTLD_NOW);
		if (!library)
			abort();
		auto twice = reinterpret_cast<int (*)(int)>(dlsym(library, "twice"));
		loads += twice(1) == 2;
		dlclose(library);
	}
}

int main()
{
	std::thread loader(load), one(storm), two(storm);
	one.join();
	two.join();
	hot(PLANTED);
	stop = true;
	loader.join();
	printf("%ld caught, %s\n", caught.load(), loads > 10 ? "loads" : "no loads");
	return 0;
}
