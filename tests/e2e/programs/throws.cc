// throws: C++ exceptions in a loop, through a few frames with destructors. Prints how many were caught.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace {

struct Counter {
	long &n;
	explicit Counter(long &count) : n(count) {}
	~Counter() { n++; }
};

long unwound;

__attribute__((noinline)) void deepest(int i)
{
	if (i >= 0)
		throw std::runtime_error("number " + std::to_string(i));
}

__attribute__((noinline)) void middle(int i, int depth)
{
	Counter counter(unwound);

	if (depth == 0)
		deepest(i);
	else
		middle(i, depth - 1);
	asm volatile("");
}

__attribute__((noinline)) long storm(int count)
{
	long caught = 0;

	for (int i = 0; i < count; i++) {
		try {
			middle(i, 5);
		} catch (const std::exception &e) {
			caught += e.what()[0] == 'n';
		}
	}
	return caught;
}

}

int main(int argc, char **argv)
{
	long caught = storm(argc > 1 ? std::atoi(argv[1]) : 1000);

	std::printf("caught %ld, unwound %ld\n", caught, unwound);
	return 0;
}
