// objects: std::sort with lambdas, maps, strings, streams, std::function, virtual calls by way of thunks.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
};
struct Named {
	virtual ~Named() = default;
	virtual std::string name() const = 0;
};
struct Square : Shape, Named {
	double side;
	explicit Square(double s) : side(s) {}
	double area() const override { return side * side; }
	std::string name() const override { return "square " + std::to_string(side); }
};
struct Round : Shape, Named {
	double radius;
	explicit Round(double r) : radius(r) {}
	double area() const override { return 3 * radius * radius; }
	std::string name() const override { return "round " + std::to_string(radius); }
};

static double one_round(int seed)
{
	std::vector<std::unique_ptr<Shape>> shapes;
	std::map<std::string, double> areas;
	std::unordered_map<std::string, int> counts;
	std::ostringstream out;
	std::function<double(double, const std::unique_ptr<Shape> &)> plus = [](double a, auto &s) { return a + s->area(); };

	for (int i = 0; i < 60; i++) {
		if ((i + seed) % 2)
			shapes.push_back(std::make_unique<Square>((i * 37 + seed) % 50));
		else
			shapes.push_back(std::make_unique<Round>((i * 17 + seed) % 50));
	}
	std::sort(shapes.begin(), shapes.end(), [](auto &a, auto &b) { return a->area() < b->area(); });
	for (auto &s : shapes) {
		std::string name = dynamic_cast<Named &>(*s).name();
		areas[name] += s->area();
		counts[name.substr(0, 5)]++;
		out << name << ' ' << s->area() << '\n';
	}
	return std::accumulate(shapes.begin(), shapes.end(), 0.0, plus) + static_cast<double>(areas.size() + counts.size() + out.str().size());
}

int main(int argc, char **argv)
{
	double sum = 0;
	int rounds = argc > 1 ? std::atoi(argv[1]) : 100;

	for (int i = 0; i < rounds; i++)
		sum += one_round(i);
	std::cout << sum << std::endl;
	return 0;
}
