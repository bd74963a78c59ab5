/* For programs that load and unload a library. */
int twice(int n);

int twice(int n)
{
	return n + n;
}
