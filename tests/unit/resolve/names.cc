// One function of each kind whose name DWARF and the symbol table tell in different ways.
volatile long names_sink;

namespace outer
{
class Thing
{
public:
	long method(int n);
	template <typename T> long generic(T n);
};

__attribute__((noinline)) long Thing::method(int n)
{
	names_sink += n;
	return names_sink;
}

template <typename T> __attribute__((noinline)) long Thing::generic(T n)
{
	names_sink -= (long)n;
	return names_sink;
}

namespace
{
__attribute__((noinline)) void hidden(long n)
{
	names_sink *= n;
}

inline __attribute__((always_inline)) void only_inlined(long n)
{
	names_sink |= n; /* mark: only_inlined */
}
} // namespace

static __attribute__((noinline)) void internal(const char *text)
{
	names_sink ^= *text;
}
} // namespace outer

extern "C" __attribute__((noinline)) void plain_c(void)
{
	outer::only_inlined(names_sink);
}

int main()
{
	outer::Thing thing;

	thing.method(1);
	thing.generic(2.5);
	outer::hidden(names_sink);
	outer::internal("text");
	plain_c();
	return 0;
}
