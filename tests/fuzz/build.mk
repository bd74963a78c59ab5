# The fuzz targets and the maker of their seeds, built by clang with libFuzzer, ASan and UBSan beside the normal build.
# Run by fuzz.sh in a folder of its own, with top_srcdir and top_builddir given. A target is a row of sources.
CLANG = clang
export MAKEFLAGS
SANITIZE = -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all
CFLAGS = -std=gnu11 -g -O1 -fno-omit-frame-pointer -Wall -Wextra -Wno-unused-parameter
CPPFLAGS = -include $(top_builddir)/config.h -I$(top_srcdir) -DASSAY_PKGLIBDIR='"/nowhere"'
# handler code is built as the product builds it
SIG_CPPFLAGS = -include $(top_srcdir)/core/sig/ban.h

cfi = core/sig/cfi.c
walk = core/sig/cfi.c core/sig/row.c core/sig/unwind.c core/sig/walk_bare.c
spool = profile/spool_reader.c
digest = profile/spool_reader.c $(filter-out viewer/digest.c, $(viewer_digest)) viewer/map.c viewer/run_file.c \
	viewer/quote.c viewer/cmd.c viewer/pool.c viewer/text.c viewer/term.c
profile = viewer/query.c viewer/model.c viewer/share.c viewer/table.c viewer/term.c viewer/text.c viewer/pool.c \
	viewer/calltree.c viewer/quote.c viewer/cmd.c viewer/measured.c $(viewer_view)
targets = cfi digest profile spool walk

viewer_digest = $(patsubst $(top_srcdir)/%,%,$(wildcard $(top_srcdir)/viewer/digest*.c))
viewer_view = $(patsubst $(top_srcdir)/%,%,$(wildcard $(top_srcdir)/viewer/view*.c))

all: $(targets:%=fuzz_%) seeds

objects_of = $(addprefix obj/,$($(1:fuzz_%=%):.c=.o)) obj/tests/fuzz/$(1:fuzz_%=target_%).o

.SECONDEXPANSION:
fuzz_%: $$(call objects_of,$$@)
	$(CLANG) $(SANITIZE) -fsanitize=fuzzer -o $@ $^ $(LIBS)

fuzz_digest: obj/schema_sql.o
fuzz_digest fuzz_profile: LIBS = -lsqlite3 -ljansson -lm

seeds: obj/tests/fuzz/seeds.o
	$(CLANG) $(SANITIZE) -o $@ $^

obj/tests/fuzz/seeds.o: FUZZER =
FUZZER = -fsanitize=fuzzer-no-link

obj/core/sig/%.o: $(top_srcdir)/core/sig/%.c
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(SIG_CPPFLAGS) $(CFLAGS) $(SANITIZE) $(FUZZER) -MMD -c -o $@ $<

obj/%.o: $(top_srcdir)/%.c
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(CFLAGS) $(SANITIZE) $(FUZZER) -MMD -c -o $@ $<

obj/schema_sql.o: $(top_builddir)/viewer/schema_sql.c
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

-include $(shell find obj -name '*.d' 2>/dev/null)
.PHONY: all
.SECONDARY:
