#include "judge.h"

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MODULES = 1024 };

static Dwfl *dwfl;
static const struct oracle_module *modules[MODULES];
static size_t module_count;
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

/* The kernel's vdso is the same in every process: ours, as a file. */
static int vdso(void)
{
	const void *at = (const void *)getauxval(AT_SYSINFO_EHDR); // NOLINT(performance-no-int-to-ptr)
	int fd = memfd_create("vdso", MFD_CLOEXEC);

	if (fd < 0 || !at || write(fd, at, 2 * 4096) < 4096)
		return -1;
	return fd;
}

static void forget(void)
{
	if (dwfl)
		dwfl_end(dwfl);
	dwfl = NULL;
}

void judge_add(const struct oracle_module *module)
{
	size_t n = 0;

	for (size_t i = 0; i < module_count; i++) {
		if (modules[i]->ref == module->ref)
			return;
		if (modules[i]->start >= module->end || module->start >= modules[i]->end)
			modules[n++] = modules[i];
	}
	module_count = n;
	if (module_count < MODULES)
		modules[module_count++] = module;
	forget();
}

void judge_end(void)
{
	forget();
	module_count = 0;
}

static void report(const struct oracle_module *module)
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
	if (dwfl)
		return;
	dwfl = dwfl_begin(&callbacks);
	if (!dwfl)
		abort();
	dwfl_report_begin(dwfl);
	for (size_t i = 0; i < module_count; i++)
		report(modules[i]);
	dwfl_report_end(dwfl, NULL, NULL);
	if (!dwfl_attach_state(dwfl, NULL, 1, &thread_callbacks, &now))
		fprintf(stderr, "oracle_read: libdw cannot unwind: %s\n", dwfl_errmsg(-1));
}

static int note_frame(Dwfl_Frame *frame, void *context)
{
	Dwarf_Addr pc;

	(void)context;
	if (!dwfl_frame_pc(frame, &pc, NULL) || now.count == JUDGE_FRAMES || (!pc && now.count))
		return DWARF_CB_ABORT;
	now.pcs[now.count++] = pc;
	return DWARF_CB_OK;
}

/* From where execution goes on to where it came from: the call before it, unless a signal came in between. */
static void as_in_a_spool(uint64_t *pcs, size_t count)
{
	bool exact = true;

	for (size_t i = 0; i < count; i++) {
		bool signal = judge_is_signal_return(pcs[i]);

		pcs[i] -= exact ? 0 : 1;
		exact = signal;
	}
}

size_t judge_walk(const struct oracle_details *details, const void *stack, uint64_t *pcs, int *whole)
{
	get_ready();
	now.details = details;
	now.stack = stack;
	now.pcs = pcs;
	now.count = 0;
	*whole = dwfl_getthread_frames(dwfl, 1, note_frame, NULL) == 0;
	as_in_a_spool(pcs, now.count);
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

static Dwarf_Frame *rules_of(uint64_t pc)
{
	Dwfl_Module *m;
	Dwarf_Addr bias = 0;
	Dwarf_CFI *cfi;
	Dwarf_Frame *frame = NULL;

	get_ready();
	m = dwfl_addrmodule(dwfl, pc);
	cfi = m ? dwfl_module_eh_cfi(m, &bias) : NULL;
	return cfi && dwarf_cfi_addrframe(cfi, pc - bias, &frame) == 0 ? frame : NULL;
}

int judge_has_table(uint64_t pc)
{
	Dwarf_Frame *frame = rules_of(pc);

	free(frame);
	return frame != NULL;
}

int judge_has_no_caller(uint64_t pc)
{
	Dwarf_Frame *frame = rules_of(pc);
	Dwarf_Op room[3], *ops = NULL;
	size_t n = 1;
	int undefined;

	/* libdw tells "undefined" by no operations in the room that it was given, "as it was" by no room */
	undefined = frame && dwarf_frame_register(frame, 16, room, &ops, &n) == 0 && n == 0 && ops == room;
	free(frame);
	return undefined;
}

int judge_is_eh_return(uint64_t pc)
{
	Dwarf_Frame *frame = rules_of(pc);
	int saved = 0;

	for (int i = 0; frame && i < 2; i++) {
		Dwarf_Op room[3], *ops;
		size_t n = 0;

		saved += dwarf_frame_register(frame, i, room, &ops, &n) == 0 && n > 0;
	}
	free(frame);
	return saved == 2;
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

int judge_is_signal_return(uint64_t pc)
{
	static const uint8_t wanted[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
	const uint64_t starts[] = { pc, pc + 1, pc - 7 };
	uint8_t code[sizeof wanted];

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
		if (judge_code(starts[i], code, sizeof code) == sizeof code && memcmp(code, wanted, sizeof code) == 0)
			return 1;
	return 0;
}
