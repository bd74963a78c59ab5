/* A chain of inlined calls: the marks tell test_resolve.c the lines. */
volatile long sink;

static inline __attribute__((always_inline)) void innermost(long n)
{
	sink = sink * n + 7; /* mark: innermost */
}

static inline __attribute__((always_inline)) void middle(long n)
{
	innermost(n); /* mark: middle */
}

void outermost(long n) /* mark: outermost is defined */
{
	while (n-- > 0)
		middle(n); /* mark: outermost */
}

int main(void)
{
	outermost(3);
	return 0;
}
