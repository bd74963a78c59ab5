/*
 * words: a C++ program of many small standard-library calls: strings, a map, a sort. For the cost of a sample.
 *
 *   words ROUNDS
 */
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <vector>

static std::size_t round_of(unsigned seed)
{
	std::unordered_map<std::string, int> counts;
	std::vector<std::pair<std::string, int>> sorted;

	for (int i = 0; i < 4000; i++) {
		seed = seed * 1664525u + 1013904223u;
		counts["word" + std::to_string(seed >> 22)]++;
	}
	sorted.assign(counts.begin(), counts.end());
	std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) {
		return a.second != b.second ? a.second > b.second : a.first < b.first;
	});
	return sorted.front().first.size() + sorted.size();
}

int main(int argc, char **argv)
{
	std::size_t sum = 0;

	for (int i = argc > 1 ? std::atoi(argv[1]) : 100; i > 0; i--)
		sum += round_of((unsigned)i);
	std::printf("%zu\n", sum);
	return 0;
}
