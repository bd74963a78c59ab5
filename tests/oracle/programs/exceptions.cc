// exceptions: thrown through many frames with destructors, caught, thrown again.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

static long undone;

struct Counter {
	~Counter() { undone++; }
};

__attribute__((noinline)) static long down(int depth, int what)
{
	Counter counter;
	std::string text(static_cast<size_t>(depth % 30), 'x');

	if (depth == 0) {
		if (what % 3 == 0)
			throw std::runtime_error("number " + std::to_string(what));
		throw what;
	}
	return down(depth - 1, what) + static_cast<long>(text.size());
}

__attribute__((noinline)) static long again(int i)
{
	try {
		return down(2 + i % 25, i);
	} catch (const std::exception &) {
		throw;
	}
}

__attribute__((noinline)) static long attempt(int i)
{
	try {
		return again(i);
	} catch (const std::exception &e) {
		return e.what()[7];
	} catch (int n) {
		return n & 15;
	}
}

int main(int argc, char **argv)
{
	long sum = 0, rounds = argc > 1 ? atol(argv[1]) : 1000;

	for (long i = 0; i < rounds; i++)
		sum += attempt(static_cast<int>(i));
	printf("%ld %ld\n", sum, undone);
	return 0;
}
