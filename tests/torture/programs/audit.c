/* An auditor (LD_AUDIT): sees what is loaded, in its own namespace, before the program is. */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

unsigned la_version(unsigned version);
unsigned la_objopen(struct link_map *map, Lmid_t lmid, uintptr_t *cookie);

/* The profiler's own command is audited too, and says nothing. */
static int is_simple(void)
{
	char name[64] = "";
	int fd = open("/proc/self/comm", O_RDONLY);

	if (fd < 0 || read(fd, name, sizeof name - 1) < 0)
		return 0;
	close(fd);
	return strcmp(name, "simple\n") == 0;
}

unsigned la_version(unsigned version)
{
	return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t lmid, uintptr_t *cookie)
{
	(void)lmid;
	(void)cookie;
	if (strstr(map->l_name, "libc.so") && is_simple() && write(1, "auditor: libc\n", 14) != 14)
		return 0;
	return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}
