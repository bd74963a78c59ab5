#include "judge.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static Dwfl *dwfl;
static bool ready;
static struct {
	const struct oracle_details *details;
	const uint8_t *stack;
	uint64_t *pcs;
	size_t count;
} now;

static int no_elf(Dwfl_Module *m, void **u, const char *name, Dwarf_Addr base, char **path, Elf **elf)
{
	(void)m, (void)u, (void)name, (void)base, (void)path, (void)elf;
	return -1;
}

static const Dwfl_Callbacks callbacks = { .find_elf = no_elf, .find_debuginfo = dwfl_standard_find_debuginfo };

int judge_begin(void)
{
	judge_end();
	dwfl = dwfl_begin(&callbacks);
	if (dwfl)
		dwfl_report_begin(dwfl);
	return dwfl ? 0 : -1;
}

void judge_end(void)
{
	if (dwfl)
		dwfl_end(dwfl);
	dwfl = NULL;
	ready = false;
}

/* The kernel's vdso is the same in every process: ours, as a file. */
static int vdso(void)
{
	const void *at = (const void *)getauxval(AT_SYSINFO_EHDR); // NOLINT(performance-no-int-to-ptr)
	int fd = memfd_create("vdso", MFD_CLOEXEC);

	if (fd < 0 || !at || write(fd, at, 2 * 4096) < 4096)
		return -1;
	return fd;
}

void judge_add(const struct oracle_module *module)
{
	const char *slash = strrchr(module->path, '/');
	int fd = module->vdso ? vdso() : open(module->path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && !dwfl_report_elf(dwfl, slash ? slash + 1 : module->path, module->path, fd, module->bias, true))
		close(fd);
}

/* ---- libdw's view of the sample's thread ---- */

static pid_t next_thread(Dwfl *d, void *context, void **thread)
{
	(void)d;
	if (*thread)
		return 0;
	*thread = context;
	return 1;
}

static bool get_thread(Dwfl *d, pid_t tid, void *context, void **thread)
{
	(void)d;
	*thread = context;
	return tid == 1;
}

static bool memory_read(Dwfl *d, Dwarf_Addr at, Dwarf_Word *value, void *context)
{
	uint64_t low = now.details->stack, size = now.details->stack_size;

	(void)d, (void)context;
	if (at >= low && size >= 8 && at - low <= size - 8) {
		memcpy(value, now.stack + (at - low), 8);
		return true;
	}
	return judge_code(at, (uint8_t *)value, 8) == 8;
}

static bool initial_registers(Dwfl_Thread *thread, void *context)
{
	(void)context;
	dwfl_thread_state_register_pc(thread, now.details->registers[ORACLE_REGISTERS - 1]);
	return dwfl_thread_state_registers(thread, 0, ORACLE_REGISTERS, now.details->registers);
}

static const Dwfl_Thread_Callbacks thread_callbacks = { .next_thread = next_thread, .get_thread = get_thread,
	.memory_read = memory_read, .set_initial_registers = initial_registers };

static void get_ready(void)
{
	if (ready)
		return;
	ready = true;
	dwfl_report_end(dwfl, NULL, NULL);
	if (!dwfl_attach_state(dwfl, NULL, 1, &thread_callbacks, &now))
		fprintf(stderr, "oracle_read: libdw cannot unwind: %s\n", dwfl_errmsg(-1));
}

static int note_frame(Dwfl_Frame *frame, void *context)
{
	Dwarf_Addr pc;
	bool exact;

	(void)context;
	if (!dwfl_frame_pc(frame, &pc, &exact))
		return DWARF_CB_ABORT;
	if (now.count == JUDGE_FRAMES || (!pc && now.count))
		return DWARF_CB_ABORT;
	now.pcs[now.count] = pc - (exact || !now.count ? 0 : 1);
	now.count++;
	return DWARF_CB_OK;
}

size_t judge_walk(const struct oracle_details *details, const void *stack, uint64_t *pcs, int *whole)
{
	get_ready();
	now.details = details;
	now.stack = stack;
	now.pcs = pcs;
	now.count = 0;
	*whole = dwfl_getthread_frames(dwfl, 1, note_frame, NULL) == 0;
	return now.count;
}

/* ---- names and code ---- */

const char *judge_function(uint64_t pc)
{
	Dwfl_Module *m;
	const char *name;

	get_ready();
	m = dwfl_addrmodule(dwfl, pc);
	name = m ? dwfl_module_addrname(m, pc) : NULL;
	return name ? name : "";
}

int judge_is_entry(uint64_t pc)
{
	Dwfl_Module *m;
	Dwarf_Addr bias = 0;
	GElf_Ehdr header;
	Elf *elf;

	get_ready();
	m = dwfl_addrmodule(dwfl, pc);
	elf = m ? dwfl_module_getelf(m, &bias) : NULL;
	return elf && gelf_getehdr(elf, &header) && header.e_entry && pc - bias - header.e_entry < 48;
}

const char *judge_name(uint64_t pc)
{
	static char text[400];
	Dwfl_Module *m;
	GElf_Off offset = 0;
	GElf_Sym symbol;
	const char *module, *name;
	Dwarf_Addr bias = 0;

	get_ready();
	m = dwfl_addrmodule(dwfl, pc);
	if (!m) {
		snprintf(text, sizeof text, "%#lx", (unsigned long)pc);
		return text;
	}
	dwfl_module_getelf(m, &bias);
	module = dwfl_module_info(m, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
	name = dwfl_module_addrinfo(m, pc, &offset, &symbol, NULL, NULL, NULL);
	snprintf(text, sizeof text, "%s+%#lx %s+%#lx", module, (unsigned long)(pc - bias), name ? name : "?", (unsigned long)offset);
	return text;
}

size_t judge_code(uint64_t pc, uint8_t *to, size_t size)
{
	Dwfl_Module *m;
	Dwarf_Addr bias = 0;
	Elf *elf;
	size_t n = 0;

	get_ready();
	m = dwfl_addrmodule(dwfl, pc);
	elf = m ? dwfl_module_getelf(m, &bias) : NULL;
	if (!elf || elf_getphdrnum(elf, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr h;
		Elf_Data *data;

		if (!gelf_getphdr(elf, (int)i, &h) || h.p_type != PT_LOAD || pc - bias < h.p_vaddr ||
		    pc - bias + size > h.p_vaddr + h.p_filesz)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)(h.p_offset + (pc - bias - h.p_vaddr)), size, ELF_T_BYTE);
		if (!data || !data->d_buf)
			return 0;
		memcpy(to, data->d_buf, size);
		return size;
	}
	return 0;
}
