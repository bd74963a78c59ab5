/* linkage_library: what linkage and reload call. NAME may give it other code at the same addresses. */
long linkage_inner(long a);
long linkage_add(long a, long b);
long linkage_back(long a, long (*f)(long, long));
long linkage_deep(long n);

#ifndef SPACE
#define SPACE 8
#endif

long linkage_inner(long a)
{
	return a * 3 + 1;
}

long linkage_add(long a, long b)
{
	return a + b;
}

long linkage_back(long a, long (*f)(long, long))
{
	return f(linkage_inner(a), 1) + 1;
}

/* Each variant of the library has another frame here. */
long linkage_deep(long n)
{
	volatile long local[SPACE];

	for (int i = 0; i < SPACE; i++)
		local[i] = n + i;
	return n ? linkage_deep(n - 1) + linkage_inner(local[n % SPACE]) : local[0];
}
