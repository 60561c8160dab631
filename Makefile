# SPDX-License-Identifier: MIT
# tickd: market ticks from Kafka into PostgreSQL/TimescaleDB, exactly once.
#
#   make demo     everything on one machine: private PostgreSQL, embedded broker, live ticks, a summary
#   make check    all tests that a machine without Docker can run
#   make lint     includes, format, static analysis, docs against code
#   make bench    how fast, beside psql \copy and bare librdkafka in the same run
#   make mutants  plants bugs one after the other and shows which test notices each
#   make torture  ten minutes of ticks while everything around them breaks; proves nothing is lost
#   make          the programs, in build/release/
#   make install  them, manual, schema and units; DESTDIR, PREFIX (/usr/local)
#   make deb      a Debian package, in build/deb/
#
# CHECK=tests/test_x.py narrows `make check`. Everything a build makes is in build/$(MODE)/; MODE is release,
# debug, asan, or crash (a daemon that can be made to die at chosen points, include/crashpoint.h).

MODE  ?= release
BUILD ?= build/$(MODE)
ifeq ($(origin CC),default)
CC := gcc
endif
VERSION := 0.1.0
COMMIT  ?= $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)

PKGS := rdkafka libpq jansson libmicrohttpd libsystemd zlib libzstd
HAVE_PKGS := $(shell pkg-config --exists $(PKGS) 2>/dev/null && echo yes)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wundef -Wstrict-prototypes \
        -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Wimplicit-fallthrough -Wnull-dereference
ifneq ($(findstring clang,$(notdir $(CC))),clang)
WARN += -Wduplicated-cond -Wlogical-op
endif

HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
          -ftrivial-auto-var-init=zero -fPIE
OPT_release := -O3 -g $(HARDEN)
LD_release  := -pie -Wl,-z,relro,-z,now,-z,noexecstack
OPT_debug   := -O0 -g3
OPT_crash   := $(OPT_release) -DTICKD_CRASH_POINTS
LD_crash    := $(LD_release)
OPT_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LD_asan     := -fsanitize=address,undefined

CPPFLAGS += -iquote include -D_GNU_SOURCE -DTICKD_VERSION='"$(VERSION)"'
CFLAGS   += -std=c17 $(WARN) -Werror $(OPT_$(MODE)) -MMD -MP $(if $(HAVE_PKGS),$(shell pkg-config --cflags $(PKGS)))
LDFLAGS  += $(LD_$(MODE))
LDLIBS   += $(if $(HAVE_PKGS),$(shell pkg-config --libs $(PKGS))) -lev -lm -lpthread

# Every src/*.c but the mains is a module; programs and tests link the modules they need. page.c is made.
MODULES  := $(patsubst src/%.c,$(BUILD)/%.o,$(filter-out src/main.c,$(wildcard src/*.c))) $(BUILD)/page.o
ifeq ($(MODE),crash)
MODULES  += $(BUILD)/tests/crashpoint.o
endif

all: $(BUILD)/tickd $(BUILD)/mockbroker
.PHONY: all

$(BUILD)/%.o: src/%.c | $(BUILD)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
$(BUILD)/tests/%.o: tests/%.c | $(BUILD)/tests
	$(CC) $(CPPFLAGS) $(CFLAGS) -Itests -c -o $@ $<
$(BUILD) $(BUILD)/tests:
	mkdir -p $@

# The status page.
$(BUILD)/page.c: scripts/page $(wildcard web/*) | $(BUILD)
	scripts/page >$@.tmp && mv $@.tmp $@
$(BUILD)/page.o: $(BUILD)/page.c
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# main.o knows the commit, and is made anew when that changes. libsystemd cannot be asked for its version.
$(BUILD)/main.o: CPPFLAGS += -DTICKD_COMMIT='"$(COMMIT)"' \
    -DTICKD_LIBSYSTEMD='"$(shell pkg-config --modversion libsystemd 2>/dev/null)"'
$(BUILD)/main.o: $(BUILD)/commit
$(BUILD)/commit: FORCE | $(BUILD)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@
FORCE:
.PHONY: FORCE

$(BUILD)/tickd: $(BUILD)/main.o $(MODULES)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The broker of tests and demo: librdkafka's mock cluster as a process.
$(BUILD)/mockbroker: $(BUILD)/tests/mockbroker.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Unit tests link only the objects they name, so that a new dependency breaks the link.
include mk/tickreplay.mk
include tests/unit.mk
include tests/fuzz.mk
include mk/mutants.mk
include mk/install.mk
include mk/torture.mk
include mk/bench.mk

# What newcomers type. Each installs the packages it needs (scripts/deps), then builds in a make of its
# own, so that pkg-config is asked when it is there. Tests mostly wait for servers: a few at a time.
SUBMAKE    := $(MAKE) --no-print-directory -j2
CHECK      ?= tests
CHECK_JOBS ?= 5

check:
	scripts/deps build check
	$(SUBMAKE) check-build
	TICKD_BIN=$(CURDIR)/build/release/tickd TICKD_UNIT_DIR=$(CURDIR)/build/asan/tests \
	TICKD_VALGRIND_DIR=$(CURDIR)/build/release/tests \
	/usr/bin/python3 -m pytest -n $(CHECK_JOBS) $(CHECK)

# Both compilers, every warning an error; the sanitizers' build for the unit tests; crash points.
check-build:
	$(SUBMAKE) MODE=release all unit-tests
	$(SUBMAKE) MODE=asan all unit-tests
	$(SUBMAKE) MODE=debug CC=clang BUILD=build/clang all unit-tests
	$(SUBMAKE) MODE=crash build/crash/tickd

demo:
	scripts/deps build demo
	$(SUBMAKE) MODE=release all
	scripts/demo

lint:
	scripts/deps build lint
	$(SUBMAKE) MODE=release all
	scripts/lint

clean:
	rm -rf build

.PHONY: check check-build demo lint clean

-include $(wildcard $(BUILD)/*.d $(BUILD)/tests/*.d)
