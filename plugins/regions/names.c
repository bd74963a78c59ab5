#include "names.h"

#include <string.h>

/* One character as UTF-8. */
static size_t encode(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c >= 0x110000 || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

const char *regions_narrow(struct regions_name *to, const wchar_t *wide)
{
	size_t n = 0;

	for (; wide && *wide && n + 4 <= REGIONS_NAME_MAX; wide++)
		n += encode(to->text + n, (uint32_t)*wide);
	to->text[n] = 0;
	return wide ? to->text : NULL;
}

const char *regions_join(struct regions_name *to, const char *domain, const char *name)
{
	size_t n;

	if (!domain || !*domain)
		return name;
	n = strnlen(domain, REGIONS_NAME_MAX / 2);
	memcpy(to->text, domain, n);
	memcpy(to->text + n, ": ", 2);
	n += 2;
	for (; *name && n < REGIONS_NAME_MAX; name++)
		to->text[n++] = *name;
	to->text[n] = 0;
	return to->text;
}
