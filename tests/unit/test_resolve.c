/*
 * test_resolve.c: viewer/resolve.h, on programs of unit/resolve/ that are compiled here, and on wrecks of them.
 *
 * Longer than most, for a test file mirrors a module and this one needs its own small ELF reader to know
 * what to expect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "viewer/resolve.h"

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FRAMES_MAX = 8,
	ADDRESSES_MAX = 4096,
	WRECKS = 400,
};

static char directory[] = "/tmp/assay-test-resolve-XXXXXX";
static const char *sources;

/* What the resolver said, in the order of the addresses asked for. */
struct answers {
	uint64_t addresses[ADDRESSES_MAX];
	struct {
		struct assay_frame frames[FRAMES_MAX];
		size_t count;
	} found[ADDRESSES_MAX];
	size_t asked, count;
	enum assay_symbols symbols;
	const char *note;
	assay_resolver *resolver;
};

/* Runs a shell command in the temporary directory; $SRC is unit/resolve/. */
__attribute__((format(printf, 1, 2))) static int shell(const char *format, ...)
{
	char *command = NULL, *whole = NULL;
	va_list args;
	int status;

	va_start(args, format);
	assert_true(vasprintf(&command, format, args) >= 0);
	va_end(args);
	assert_true(asprintf(&whole, "cd '%s' && { %s; } >&2", directory, command) >= 0);
	status = system(whole);
	free(whole);
	free(command);
	return status;
}

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* Line of the source that has the comment "mark: WORDS". */
static int marked_line(const char *source, const char *mark)
{
	char path[512], line[512], wanted[128];
	int number = 0, found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", sources, source);
	snprintf(wanted, sizeof(wanted), "mark: %s */", mark);
	file = fopen(path, "r");
	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file)) {
		number++;
		if (strstr(line, wanted))
			found = number;
	}
	fclose(file);
	assert_int_not_equal(found, 0);
	return found;
}

/* The symbol's value and size from the full symbol table. Names of compiler-made copies match too. */
static bool find_symbol(const char *name, const char *symbol, uint64_t *start, uint64_t *size)
{
	int fd = open(path_of(name), O_RDONLY);
	Elf_Scn *section = NULL;
	bool found = false;
	Elf *elf;

	assert_true(fd >= 0);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while (!found && (section = elf_nextscn(elf, section))) {
		Elf_Data *data;
		GElf_Shdr header;
		GElf_Sym entry;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; !found && gelf_getsym(data, i, &entry); i++) {
			const char *text = elf_strptr(elf, header.sh_link, entry.st_name);

			found = text && strcmp(text, symbol) == 0 && entry.st_shndx != SHN_UNDEF;
			if (found) {
				*start = entry.st_value;
				*size = entry.st_size;
			}
		}
	}
	elf_end(elf);
	close(fd);
	return found;
}

static void symbol_range(const char *name, const char *symbol, uint64_t *start, uint64_t *size)
{
	if (!find_symbol(name, symbol, start, size))
		fail_msg("%s has no symbol %s", name, symbol);
}

static size_t note_build_id(const unsigned char *notes, size_t size, uint8_t *build_id)
{
	for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
		Elf64_Nhdr note;

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + at, "GNU", 4) == 0 &&
		    note.n_descsz <= 32 && at + 4 + note.n_descsz <= size) {
			memcpy(build_id, notes + at + 4, note.n_descsz);
			return note.n_descsz;
		}
		at += (note.n_namesz + 3u) / 4 * 4 + (note.n_descsz + 3u) / 4 * 4;
	}
	return 0;
}

static size_t image_build_id(const unsigned char *image, uint8_t *build_id)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	size_t length = 0;

	memcpy(&header, image, sizeof(header));
	for (int i = 0; !length && i < header.e_phnum; i++) {
		memcpy(&segment, image + header.e_phoff + (size_t)i * sizeof(segment), sizeof(segment));
		if (segment.p_type == PT_NOTE)
			length = note_build_id(image + segment.p_offset, segment.p_filesz, build_id);
	}
	return length;
}

static unsigned char *read_file(const char *name, size_t *size)
{
	FILE *file = fopen(path_of(name), "r");
	struct stat status;
	unsigned char *bytes;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &status), 0);
	*size = (size_t)status.st_size;
	bytes = malloc(*size + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	fclose(file);
	return bytes;
}

static void write_file(const char *name, const void *bytes, size_t size)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void take(void *context, size_t index, const struct assay_frame *frames, size_t count)
{
	struct answers *answers = context;

	assert_int_equal(index, answers->count);
	assert_true(count >= 1);
	answers->count++;
	answers->found[index].count = count < FRAMES_MAX ? count : FRAMES_MAX;
	memcpy(answers->found[index].frames, frames, answers->found[index].count * sizeof(*frames));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(frames[i].inlined, i + 1 < count);
}

static void ask_request(struct answers *answers, struct assay_resolve_request *request)
{
	answers->resolver = assay_resolver_open();
	assert_non_null(answers->resolver);
	request->addresses = answers->addresses;
	request->count = answers->asked;
	answers->note = "untouched";
	answers->symbols = assay_resolver_module(answers->resolver, request, take, answers, &answers->note);
	assert_int_equal(answers->count, answers->asked);
	if (answers->note)
		assert_string_not_equal(answers->note, "untouched");
}

/* Resolves the addresses of [start, start + size) in a file of the directory, as it is. */
static struct answers *ask(const char *name, uint64_t start, uint64_t size)
{
	struct answers *answers = calloc(1, sizeof(*answers));
	struct assay_resolve_request request = { 0 };
	uint8_t build_id[32];
	size_t file_size;
	unsigned char *image = read_file(name, &file_size);

	assert_non_null(answers);
	assert_true(size <= ADDRESSES_MAX);
	request.build_id = build_id;
	request.build_id_length = image_build_id(image, build_id);
	assert_true(request.build_id_length > 0);
	free(image);
	request.path = path_of(name);
	for (uint64_t i = 0; i < size; i++)
		answers->addresses[answers->asked++] = start + i;
	ask_request(answers, &request);
	return answers;
}

static void done(struct answers *answers)
{
	assay_resolver_close(answers->resolver);
	free(answers);
}

static const struct assay_frame *last_frame(const struct answers *answers, size_t index)
{
	assert_true(index < answers->count);
	return &answers->found[index].frames[answers->found[index].count - 1];
}

static void assert_unknown(const struct answers *answers)
{
	assert_int_equal(answers->symbols, ASSAY_SYMBOLS_NONE);
	assert_non_null(answers->note);
	for (size_t i = 0; i < answers->count; i++) {
		assert_int_equal(answers->found[i].count, 1);
		assert_null(answers->found[i].frames[0].name);
		assert_null(answers->found[i].frames[0].file);
		assert_false(answers->found[i].frames[0].bounded);
		assert_int_equal(answers->found[i].frames[0].start, answers->addresses[i]);
	}
}

static void assert_ends_with(const char *text, const char *end)
{
	assert_non_null(text);
	assert_true(strlen(text) >= strlen(end));
	assert_string_equal(text + strlen(text) - strlen(end), end);
}

static void assert_inlined_chain(const char *name)
{
	int innermost = marked_line("inlined.c", "innermost"), chains = 0;
	uint64_t start, size;
	struct answers *answers;

	symbol_range("inlined", "outermost", &start, &size);
	answers = ask(name, start, size);
	assert_int_equal(answers->symbols, ASSAY_SYMBOLS_LINES);
	assert_null(answers->note);
	for (size_t i = 0; i < answers->count; i++) {
		const struct assay_frame *frames = answers->found[i].frames;

		assert_string_equal(last_frame(answers, i)->name, "outermost");
		assert_null(last_frame(answers, i)->linkage);
		assert_int_equal(last_frame(answers, i)->start, start);
		assert_int_equal(last_frame(answers, i)->decl_line,
			marked_line("inlined.c", "outermost is defined"));
		assert_ends_with(last_frame(answers, i)->decl_file, "/inlined.c");
		if (answers->found[i].count != 3 || frames[0].line != innermost)
			continue;
		chains++;
		assert_string_equal(frames[0].name, "innermost");
		assert_string_equal(frames[1].name, "middle");
		assert_int_equal(frames[1].line, marked_line("inlined.c", "middle"));
		assert_int_equal(frames[2].line, marked_line("inlined.c", "outermost"));
		for (int k = 0; k < 3; k++) {
			assert_int_equal(frames[k].file[0], '/');
			assert_null(strstr(frames[k].file, "/./"));
			assert_ends_with(frames[k].file, "/inlined.c");
			assert_ptr_equal(frames[k].file, frames[0].file);
		}
	}
	assert_true(chains > 0);
	done(answers);
}

static void inlined_calls_have_their_lines(void **state)
{
	(void)state;
	assert_inlined_chain("inlined");
}

static void dwarf_4_gives_the_same(void **state)
{
	(void)state;
	assert_int_equal(shell("cp inlined inlined5 && "
			       "$CC -g -gdwarf-4 -O1 -Wl,--build-id -o inlined ././/inlined.c"), 0);
	assert_inlined_chain("inlined");
	assert_int_equal(shell("mv inlined5 inlined"), 0);
}

static void split_off_debug_file_is_found(void **state)
{
	(void)state;
	assert_int_equal(shell("$OBJCOPY --only-keep-debug inlined linked.debug && $STRIP -o linked inlined && "
			       "$OBJCOPY --add-gnu-debuglink=linked.debug linked"), 0);
	assert_inlined_chain("linked");
}

static void compressed_sections_are_read(void **state)
{
	(void)state;
	if (shell("$OBJCOPY --compress-debug-sections=zlib inlined compressed") != 0)
		skip();
	assert_inlined_chain("compressed");
}

static void split_dwarf_is_read(void **state)
{
	(void)state;
	assert_int_equal(shell("cp inlined whole && $CC -g -gsplit-dwarf -O1 -Wl,--build-id -c inlined.c -o split.o && "
			       "$CC -Wl,--build-id -o inlined split.o"), 0);
	assert_inlined_chain("inlined");
	assert_int_equal(shell("mv whole inlined"), 0);
}

static void stripped_code_is_not_charged_to_its_neighbour(void **state)
{
	uint64_t start, size, hidden, hidden_size;
	struct answers *answers;

	(void)state;
	symbol_range("libexports.so", "exported_first", &start, &size);
	answers = ask("libstripped.so", start, size);
	assert_int_equal(answers->symbols, ASSAY_SYMBOLS_EXPORTS);
	assert_non_null(answers->note);
	for (size_t i = 0; i < size; i++) {
		assert_string_equal(last_frame(answers, i)->name, "exported_first");
		assert_true(last_frame(answers, i)->bounded);
		assert_int_equal(last_frame(answers, i)->start, start);
	}
	done(answers);

	symbol_range("libexports.so", "unexported", &hidden, &hidden_size);
	answers = ask("libstripped.so", hidden, hidden_size);
	for (size_t i = 0; i < hidden_size; i++) {
		assert_null(last_frame(answers, i)->name);
		assert_true(last_frame(answers, i)->bounded);
		assert_int_equal(last_frame(answers, i)->start, hidden);
	}
	done(answers);
}

static void linkage_table_entries_are_named(void **state)
{
	struct answers *answers;
	uint64_t start, size, text;
	int named = 0;

	(void)state;
	symbol_range("libexports.so", "exported_first", &text, &size);
	/* The tables lie in the page or two before .text. */
	start = text > ADDRESSES_MAX ? text - ADDRESSES_MAX : 0;
	answers = ask("libstripped.so", start, text - start);
	for (size_t i = 0; i < answers->count; i++) {
		const struct assay_frame *frame = last_frame(answers, i);

		if (!frame->name || strcmp(frame->name, "getenv@plt") != 0)
			continue;
		named++;
		assert_true(frame->bounded);
		assert_true(answers->addresses[i] - frame->start < 16);
	}
	done(answers);
	assert_int_equal(named, 16);
}

static void symbols_without_lines_are_functions(void **state)
{
	struct answers *answers;
	uint64_t start, size;

	(void)state;
	symbol_range("libexports.so", "unexported", &start, &size);
	answers = ask("libexports.so", start, size);
	assert_int_equal(answers->symbols, ASSAY_SYMBOLS_FUNCTIONS);
	assert_string_equal(last_frame(answers, 0)->name, "unexported");
	assert_int_equal(last_frame(answers, 0)->line, 0);
	done(answers);
}

static void names_read_the_same_from_dwarf_and_symbols(void **state)
{
	static const struct {
		const char *symbol, *name;
	} expected[] = {
		{ "_ZN5outer5Thing6methodEi", "outer::Thing::method(int)" },
		{ "_ZN5outer5Thing7genericIdEElT_", "long outer::Thing::generic<double>(double)" },
		{ "_ZN5outer12_GLOBAL__N_16hiddenEl", "outer::(anonymous namespace)::hidden(long)" },
		{ "_ZN5outerL8internalEPKc", "outer::internal(char const*)" },
		{ "plain_c", "plain_c" },
		{ "main", "main" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		bool mangled = strcmp(expected[i].symbol, expected[i].name) != 0;
		uint64_t start, size;

		symbol_range("names", expected[i].symbol, &start, &size);
		for (int stripped = 0; stripped < 2; stripped++) {
			struct answers *answers = ask(stripped ? "names.nodebug" : "names", start, 1);

			assert_int_equal(answers->symbols, stripped ? ASSAY_SYMBOLS_FUNCTIONS : ASSAY_SYMBOLS_LINES);
			assert_string_equal(last_frame(answers, 0)->name, expected[i].name);
			if (mangled)
				assert_string_equal(last_frame(answers, 0)->linkage, expected[i].symbol);
			else
				assert_null(last_frame(answers, 0)->linkage);
			assert_int_equal(last_frame(answers, 0)->start, start);
			done(answers);
		}
	}
}

static void inlined_name_without_symbol_is_qualified(void **state)
{
	const char *name = "outer::(anonymous namespace)::only_inlined";
	struct answers *answers;
	uint64_t start, size;
	int seen = 0;

	(void)state;
	symbol_range("names", "plain_c", &start, &size);
	answers = ask("names", start, size);
	for (size_t i = 0; i < answers->count; i++) {
		const struct assay_frame *frame = &answers->found[i].frames[0];

		if (answers->found[i].count != 2)
			continue;
		seen++;
		/* clang gives it a linkage name, with which comes the parameter list */
		assert_memory_equal(frame->name, name, strlen(name));
		assert_true(frame->name[strlen(name)] == '\0' || strcmp(frame->name + strlen(name), "(long)") == 0);
	}
	assert_true(seen > 0);
	done(answers);
}

static void symbol_without_size_ends_with_its_table_entry(void **state)
{
	struct answers *answers;
	uint64_t start, size, label;

	(void)state;
	symbol_range("sizes", "with_table", &start, &size);
	assert_int_equal(size, 0);
	symbol_range("sizes", "without_table", &label, &size);
	assert_int_equal(label, start + 32);
	answers = ask("sizes", start, 64);
	for (size_t i = 0; i < 32; i++) {
		assert_string_equal(last_frame(answers, i)->name, "with_table");
		assert_int_equal(last_frame(answers, i)->start, start);
	}
	assert_string_equal(last_frame(answers, 32)->name, "without_table");
	for (size_t i = 33; i < 64; i++) {
		assert_null(last_frame(answers, i)->name);
		assert_false(last_frame(answers, i)->bounded);
		assert_int_equal(last_frame(answers, i)->start, start + i);
	}
	done(answers);
}

static void cold_part_is_its_function(void **state)
{
	struct answers *answers;
	uint64_t start, size;

	(void)state;
	if (!find_symbol("cold", "work.cold", &start, &size))
		skip(); /* not every compiler splits it */
	answers = ask("cold", start, 1);
	assert_string_equal(last_frame(answers, 0)->name, "work");
	assert_null(last_frame(answers, 0)->linkage);
	done(answers);
	answers = ask("cold.nodebug", start, 1);
	assert_string_equal(last_frame(answers, 0)->name, "work");
	assert_string_equal(last_frame(answers, 0)->linkage, "work.cold");
	done(answers);
}

/* Symbols as compilers and linkers leave them, put in by objcopy. */
static void made_suffixes_are_not_in_the_name(void **state)
{
	static const struct {
		const char *symbol, *name, *linkage;
	} cases[] = {
		{ "_ZN2ns3fooEi.isra.0.cold", "ns::foo(int)", "_ZN2ns3fooEi.isra.0.cold" },
		{ "foo.constprop.12", "foo", "foo.constprop.12" },
		{ "foo.part.0.lto_priv.3", "foo", "foo.part.0.lto_priv.3" },
		{ "foo.partial", "foo.partial", NULL },
		{ "foo.3", "foo.3", NULL },
		{ ".cold", ".cold", NULL },
		{ "_Z3foov.llvm.1234567890", "foo()", "_Z3foov.llvm.1234567890" },
	};
	uint64_t start, size;

	(void)state;
	symbol_range("inlined", "outermost", &start, &size);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct answers *answers;

		assert_int_equal(shell("$OBJCOPY -g --redefine-sym 'outermost=%s' inlined renamed", cases[i].symbol),
			0);
		answers = ask("renamed", start, 1);
		assert_string_equal(last_frame(answers, 0)->name, cases[i].name);
		if (cases[i].linkage)
			assert_string_equal(last_frame(answers, 0)->linkage, cases[i].linkage);
		else
			assert_null(last_frame(answers, 0)->linkage);
		done(answers);
	}
}

static void best_of_several_names_is_shown(void **state)
{
	struct answers *answers;
	uint64_t start, size;

	(void)state;
	symbol_range("aliases", "good_but_long_name", &start, &size);
	answers = ask("aliases", start, size);
	for (size_t i = 0; i < size; i++)
		assert_string_equal(last_frame(answers, i)->name, "good_name");
	done(answers);
}

/* Fedora's packages keep a compressed symbol table in a stripped file. */
static void compressed_symbol_table_is_read(void **state)
{
	struct answers *answers;
	uint64_t start, size;

	(void)state;
	if (shell("command -v xz && $OBJCOPY -S --keep-symbol=unexported libexports.so mini && xz -f mini && "
		  "$OBJCOPY --add-section .gnu_debugdata=mini.xz libstripped.so libmini.so") != 0)
		skip();
	symbol_range("libexports.so", "unexported", &start, &size);
	answers = ask("libmini.so", start, size);
	assert_int_equal(answers->symbols, ASSAY_SYMBOLS_FUNCTIONS);
	assert_string_equal(last_frame(answers, 0)->name, "unexported");
	done(answers);
	symbol_range("libexports.so", "exported_first", &start, &size);
	answers = ask("libmini.so", start, size);
	assert_string_equal(last_frame(answers, 0)->name, "exported_first");
	done(answers);
}

/* Resolves one address of `name` as if the module had `build_id`. */
static struct answers *ask_as(const char *name, const uint8_t *build_id, size_t length)
{
	struct answers *answers = calloc(1, sizeof(*answers));
	struct assay_resolve_request request = { .path = path_of(name), .build_id = build_id };

	assert_non_null(answers);
	request.build_id_length = length;
	answers->addresses[answers->asked++] = 0x1234;
	answers->addresses[answers->asked++] = 0x400123;
	ask_request(answers, &request);
	return answers;
}

static void assert_refused(const char *name, const char *words)
{
	const uint8_t build_id[20] = { 1, 2, 3 };
	struct answers *answers = ask_as(name, build_id, sizeof(build_id));

	assert_unknown(answers);
	if (!strstr(answers->note, words))
		fail_msg("\"%s\" is not in the note \"%s\"", words, answers->note);
	done(answers);
}

static void replaced_file_is_refused(void **state)
{
	struct answers *answers = ask_as("inlined", NULL, 0);

	(void)state;
	assert_unknown(answers);
	done(answers);
	assert_refused("inlined", "replaced");
}

/* A copy of `inlined` with one byte of the ELF header changed. */
static void write_with_header_byte(const char *name, size_t at, unsigned char byte)
{
	size_t size;
	unsigned char *bytes = read_file("inlined", &size);

	bytes[at] = byte;
	write_file(name, bytes, size);
	free(bytes);
}

static void unusable_files_are_refused_in_words(void **state)
{
	(void)state;
	assert_refused("never-was", "gone");
	assert_refused("inlined/never-was", "gone");
	write_file("text", "#!/bin/sh\necho hello\n", 21);
	assert_refused("text", "not an ELF file");
	write_file("empty", "", 0);
	assert_refused("empty", "not an ELF file");
	assert_refused(".", "not a regular file");
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_refused("fifo", "not a regular file");
	write_with_header_byte("other", EI_CLASS, ELFCLASS32);
	assert_refused("other", "32-bit");
	write_with_header_byte("other", EI_DATA, ELFDATA2MSB);
	assert_refused("other", "another kind of machine");
	write_with_header_byte("other", offsetof(Elf64_Ehdr, e_machine), EM_PPC64);
	assert_refused("other", "another kind of machine");
	write_with_header_byte("other", offsetof(Elf64_Ehdr, e_type), ET_REL);
	assert_refused("other", "not a program");
}

/* An emulator runs programs for the other machine that Assay is made for (what of DWARF is a machine's own is not asked). */
static void other_machine_of_ours_is_resolved(void **state)
{
	static const unsigned char machines[] = { EM_X86_64, EM_AARCH64 };
	struct answers *answers;
	uint64_t start, size;

	(void)state;
	symbol_range("inlined", "main", &start, &size);
	for (size_t i = 0; i < sizeof(machines); i++) {
		write_with_header_byte("emulated", offsetof(Elf64_Ehdr, e_machine), machines[i]);
		answers = ask("emulated", start, size);
		assert_string_equal(last_frame(answers, 0)->name, "main");
		done(answers);
	}
}

static void truncated_file_is_refused(void **state)
{
	static const size_t lengths[] = { 1, 5, 40, 63, 64, 65, 1000, 5000, 12000 };
	size_t size;
	unsigned char *bytes = read_file("names", &size);

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		assert_true(lengths[i] < size);
		write_file("short", bytes, lengths[i]);
		assert_refused("short", lengths[i] < SELFMAG ? "not an ELF file" : "truncated");
	}
	write_file("short", bytes, size - 1);
	assert_refused("short", "truncated");
	free(bytes);
}

static void odd_path_is_no_problem(void **state)
{
	uint64_t start, size;
	struct answers *answers;

	(void)state;
	assert_int_equal(shell("cp inlined 'new\nline \x1b[1m%%s'"), 0);
	symbol_range("inlined", "outermost", &start, &size);
	answers = ask("new\nline \x1b[1m%s", start, 1);
	assert_string_equal(last_frame(answers, 0)->name, "outermost");
	done(answers);
}

static void own_vdso_is_resolved(void **state)
{
	const unsigned char *image = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
	struct answers *answers = calloc(1, sizeof(*answers));
	struct assay_resolve_request request = { .path = "linux-vdso.so.1", .vdso = true };
	uint8_t build_id[32];
	int named = 0;

	(void)state;
	assert_non_null(answers);
	if (!image) {
		free(answers);
		skip();
	}
	request.build_id = build_id;
	request.build_id_length = image_build_id(image, build_id);
	for (uint64_t i = 0; i < ADDRESSES_MAX; i++)
		answers->addresses[answers->asked++] = i;
	ask_request(answers, &request);
	assert_int_not_equal(answers->symbols, ASSAY_SYMBOLS_NONE);
	for (size_t i = 0; i < answers->count; i++)
		named += last_frame(answers, i)->name && strstr(last_frame(answers, i)->name, "gettime");
	assert_true(named > 0);
	done(answers);

	answers = calloc(1, sizeof(*answers));
	assert_non_null(answers);
	build_id[0] ^= 1;
	answers->addresses[answers->asked++] = 0x800;
	ask_request(answers, &request);
	assert_unknown(answers);
	done(answers);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Where the file's section of that name is; false where it has none. */
static bool section_range(const unsigned char *bytes, const char *name, size_t *offset, size_t *size)
{
	Elf64_Ehdr header;
	Elf64_Shdr section, names;

	memcpy(&header, bytes, sizeof(header));
	memcpy(&names, bytes + header.e_shoff + header.e_shstrndx * sizeof(names), sizeof(names));
	for (size_t i = 0; i < header.e_shnum; i++) {
		memcpy(&section, bytes + header.e_shoff + i * sizeof(section), sizeof(section));
		if (strcmp((const char *)bytes + names.sh_offset + section.sh_name, name) == 0) {
			*offset = section.sh_offset;
			*size = section.sh_size;
			return true;
		}
	}
	return false;
}

static void damage(unsigned char *bytes, size_t offset, size_t size, uint64_t *seed)
{
	static const unsigned char extremes[] = { 0x00, 0xff, 0x7f, 0x80, 0x01 };

	for (uint64_t n = 1 + next_random(seed) % 8; n > 0; n--) {
		uint64_t random = next_random(seed);

		bytes[offset + (random >> 16) % size] = random & 0x100 ? (unsigned char)random :
			extremes[random % sizeof(extremes)];
	}
}

/* Whatever bytes are wrong, each address is answered and nothing crashes. */
static void wrecks_do_no_harm(void **state)
{
	static const char *const parts[] = {
		"ELF header", "start of the file", "section headers", ".debug_info", ".debug_abbrev", ".debug_line",
		".debug_rnglists", ".debug_line_str", ".eh_frame", ".eh_frame_hdr", ".symtab", ".dynsym", ".dynamic",
		".rela.plt", ".note.gnu.build-id", ".debug_aranges", ".debug_str",
	};
	size_t size, text, text_size;
	unsigned char *bytes = read_file("names", &size), *wreck = malloc(size);
	uint8_t build_id[32];
	size_t build_id_length = image_build_id(bytes, build_id);
	uint64_t seed = 20240607;
	Elf64_Ehdr header;

	(void)state;
	assert_non_null(wreck);
	memcpy(&header, bytes, sizeof(header));
	assert_true(section_range(bytes, ".text", &text, &text_size));
	for (size_t i = 0; i < WRECKS; i++) {
		size_t part = i % (sizeof(parts) / sizeof(*parts)), offset = 0, length = sizeof(Elf64_Ehdr);
		struct assay_resolve_request request = { .build_id = build_id, .build_id_length = build_id_length };
		struct answers *answers = calloc(1, sizeof(*answers));

		assert_non_null(answers);
		if (part == 1)
			length = 1024;
		else if (part == 2 && (offset = header.e_shoff))
			length = size - offset;
		else if (part > 2 && !section_range(bytes, parts[part], &offset, &length))
			length = sizeof(Elf64_Ehdr);
		memcpy(wreck, bytes, size);
		damage(wreck, offset, length, &seed);
		write_file("wreck", wreck, size);
		request.path = path_of("wreck");
		for (uint64_t address = 0; address < 0x1000 && answers->asked < 900; address += 5)
			answers->addresses[answers->asked++] = text / 0x1000 * 0x1000 + address;
		ask_request(answers, &request);
		done(answers);
	}
	free(wreck);
	free(bytes);
}

static void names_are_demangled(void **state)
{
	static const struct {
		const char *linkage, *name;
	} cases[] = {
		{ "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt" },
		{ "_RNvCskwGfYPst2Cb_3foo16example_function", "foo::example_function" },
		{ "_ZNSt6vectorIiSaIiEE9push_backERKi",
			"std::vector<int, std::allocator<int> >::push_back(int const&)" },
		{ "_D3foo3barFiZv", "foo.bar(int)" },
		{ "main", NULL },
		{ "_init", NULL },
		{ "_Dynamic", NULL },
		{ "_Z", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *name = assay_demangle(cases[i].linkage);

		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
		else
			assert_null(name);
		free(name);
	}
}

static int build_programs(void **state)
{
	const char *top = getenv("top_srcdir");
	char *path = NULL;

	(void)state;
	if (asprintf(&path, "%s/tests/unit/resolve", top ? top : ".") < 0 || !(sources = realpath(path, NULL)) ||
	    !mkdtemp(directory))
		return -1;
	free(path);
	elf_version(EV_CURRENT);
	unsetenv("DEBUGINFOD_URLS");
	setenv("SRC", sources, 1);
	setenv("CC", "cc", 0);
	setenv("CXX", "c++", 0);
	setenv("OBJCOPY", "objcopy", 0);
	setenv("STRIP", "strip", 0);
	/* Copied, so that the compiler is told a relative path, and a clumsy one. */
	return shell("cp \"$SRC\"/* . && "
		     "$CC -g -O1 -Wl,--build-id -o inlined ././/inlined.c && "
		     "$CC -O1 -fPIC -shared -Wl,--build-id,-z,lazy -o libexports.so exports.c && "
		     "$STRIP -o libstripped.so libexports.so && "
		     "$CXX -g -O1 -Wl,--build-id -o names names.cc && $OBJCOPY -g names names.nodebug && "
		     "$CC -Wl,--build-id -o sizes sizes.c && $CC -O1 -Wl,--build-id -o aliases aliases.c && "
		     "$CC -g -O2 -Wl,--build-id -o cold cold.c && $OBJCOPY -g cold cold.nodebug");
}

static int remove_programs(void **state)
{
	(void)state;
	free((char *)sources);
	return shell("rm -rf '%s'", directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_calls_have_their_lines),
		cmocka_unit_test(dwarf_4_gives_the_same),
		cmocka_unit_test(split_off_debug_file_is_found),
		cmocka_unit_test(compressed_sections_are_read),
		cmocka_unit_test(split_dwarf_is_read),
		cmocka_unit_test(stripped_code_is_not_charged_to_its_neighbour),
		cmocka_unit_test(linkage_table_entries_are_named),
		cmocka_unit_test(symbols_without_lines_are_functions),
		cmocka_unit_test(names_read_the_same_from_dwarf_and_symbols),
		cmocka_unit_test(inlined_name_without_symbol_is_qualified),
		cmocka_unit_test(symbol_without_size_ends_with_its_table_entry),
		cmocka_unit_test(cold_part_is_its_function),
		cmocka_unit_test(made_suffixes_are_not_in_the_name),
		cmocka_unit_test(best_of_several_names_is_shown),
		cmocka_unit_test(compressed_symbol_table_is_read),
		cmocka_unit_test(replaced_file_is_refused),
		cmocka_unit_test(unusable_files_are_refused_in_words),
		cmocka_unit_test(other_machine_of_ours_is_resolved),
		cmocka_unit_test(truncated_file_is_refused),
		cmocka_unit_test(odd_path_is_no_problem),
		cmocka_unit_test(own_vdso_is_resolved),
		cmocka_unit_test(wrecks_do_no_harm),
		cmocka_unit_test(names_are_demangled),
	};

	return cmocka_run_group_tests(tests, build_programs, remove_programs);
}
