/* One function under several names. */
volatile long aliases_sink;
long good_but_long_name(void);
long good_name(void) __attribute__((alias("good_but_long_name")));
long __good(void) __attribute__((alias("good_but_long_name")));
long good(void) __attribute__((weak, alias("good_but_long_name")));

__attribute__((noinline)) long good_but_long_name(void)
{
	return ++aliases_sink;
}

int main(void)
{
	return good_name() + __good() + good() == 0;
}
