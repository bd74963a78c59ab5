# The core, profile/ and their unit tests for aarch64, by Debian's cross compiler. Run by aarch64.sh in a folder of its
# own, with top_srcdir given. There is no cmocka to be had: tests/long/aarch64/cmocka.h stands for it.
CC = aarch64-linux-gnu-gcc
export MAKEFLAGS
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wvla -Werror
CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir) -I$(top_srcdir)/include
CFLAGS = -std=gnu11 -g -O2 -fPIC -fvisibility=hidden $(WARNINGS)
# as in core/Makefile.am
CORE_CFLAGS = -ftls-model=initial-exec
SIG_CPPFLAGS = -include $(top_srcdir)/core/sig/ban.h
LIBRARY_LDFLAGS = -shared -Wl,-z,initfirst -Wl,-z,nodelete -Wl,-z,now -Wl,--sort-section=name \
	-Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--no-undefined -Wl,-Bsymbolic -Wl,--hash-style=gnu
here = $(top_srcdir)/tests/long/aarch64

# Unit tests that need the C library and cmocka alone. (test_cfi compares with libdw, test_unwind with libunwind.)
unit = arena cct clock environment module region row spool thread
# The code that is stepped through: how it is compiled.
shapes = O0 O2 O2-frame O2-no-frame O3-signed O2-key-b Os
O0 = -O0
O2 = -O2
O2-frame = -O2 -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer
O2-no-frame = -O2 -fomit-frame-pointer -momit-leaf-frame-pointer -fstack-protector-all
O3-signed = -O3 -mbranch-protection=standard
O2-key-b = -O2 -march=armv8.3-a -mbranch-protection=pac-ret+leaf+b-key
Os = -Os -ffunction-sections -fno-plt

sources = $(patsubst $(top_srcdir)/%,%,$(wildcard $(top_srcdir)/core/*.c $(top_srcdir)/core/sig/*.c \
	$(top_srcdir)/profile/*.c))
sig = $(patsubst %.c,obj/%.o,$(filter core/sig/%,$(sources)))
core = $(patsubst %.c,obj/%.o,$(filter core/%,$(sources)))
profile = $(patsubst %.c,obj/%.o,$(filter profile/%,$(sources)))
# The plugins that are part of the library.
plugins = $(patsubst $(top_srcdir)/%.c,obj/%.o,$(filter-out %.in.c,$(wildcard $(top_srcdir)/plugins/openmp/*.c \
	$(top_srcdir)/plugins/waits/*.c))) obj/plugins/openmp/gomp.o obj/plugins/waits/interposed.o
OMPT_CPPFLAGS = $(shell sed -n 's/^OMPT_CPPFLAGS = //p' $(top_builddir)/plugins/Makefile)
PLUGINS_CFLAGS = -I$(top_srcdir)/plugins/openmp -I$(top_srcdir)/plugins/waits $(OMPT_CPPFLAGS) $(CORE_CFLAGS)
interpose = awk -f $(top_srcdir)/build-aux/interpose.awk

all: libassay.so phases $(unit:%=test_%) $(shapes:%=unwind-%)

libassay.so: $(core) $(plugins)
	$(CC) $(LIBRARY_LDFLAGS) -o $@ $^

phases: $(top_srcdir)/samples/phases/phases.c
	$(CC) $(CPPFLAGS) -std=gnu11 -g -O2 $(WARNINGS) -pthread -o $@ $<

test_%: obj/tests/unit/test_%.o obj/tests/unit/core_process.o obj/core/spool.o $(sig) $(profile)
	$(CC) -pthread -o $@ $^ -lm
test_thread: obj/core/thread.o obj/core/ticks.o

unwind-%: obj/shapes-%.o obj/frames.o obj/tests/long/aarch64/unwind.o obj/tests/unit/core_process.o \
		 obj/core/spool.o $(sig)
	$(CC) -pthread -rdynamic -o $@ $^

obj/shapes-%.o: $(here)/shapes.c $(here)/stepper.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=gnu11 -g -fPIE $(WARNINGS) $($*) -c -o $@ $<

obj/frames.o: $(here)/frames.S $(here)/stepper.h
	@mkdir -p $(@D)
	$(CC) -I$(here) -march=armv8.3-a -c -o $@ $<

obj/core/sig/%.o: $(top_srcdir)/core/sig/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(SIG_CPPFLAGS) $(CFLAGS) $(CORE_CFLAGS) -MMD -c -o $@ $<

obj/core/%.o: $(top_srcdir)/core/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(CORE_CFLAGS) -MMD -c -o $@ $<

obj/plugins/openmp/gomp.c: $(top_srcdir)/plugins/openmp/gomp.in.c $(top_srcdir)/plugins/openmp/gomp.tab
	@mkdir -p $(@D)
	$(interpose) $^ >$@.tmp && mv $@.tmp $@

obj/plugins/waits/interposed.c: $(top_srcdir)/plugins/waits/waits.in.c $(top_srcdir)/plugins/waits/waits.tab
	@mkdir -p $(@D)
	$(interpose) $^ >$@.tmp && mv $@.tmp $@

obj/plugins/%.o: obj/plugins/%.c
	$(CC) $(CPPFLAGS) $(CFLAGS) $(PLUGINS_CFLAGS) -MMD -c -o $@ $<

obj/plugins/%.o: $(top_srcdir)/plugins/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(PLUGINS_CFLAGS) -MMD -c -o $@ $<

obj/tests/%.o: $(top_srcdir)/tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -I$(here) $(CFLAGS) -MMD -c -o $@ $<

obj/%.o: $(top_srcdir)/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -c -o $@ $<

-include $(shell find obj -name '*.d' 2>/dev/null)
.PHONY: all
.SECONDARY:
