# SPDX-License-Identifier: MIT
# tickreplay: src/tickreplay/*.c, and what it uses of the modules of src/. Its objects are beside theirs,
# so that unit tests link them by name as they do the others.

REPLAY_SOURCES := $(notdir $(wildcard src/tickreplay/*.c))
REPLAY_OBJECTS := $(REPLAY_SOURCES:%.c=$(BUILD)/%.o)

REPLAY_CLASHES := $(filter $(notdir $(wildcard src/*.c)),$(REPLAY_SOURCES))
$(if $(REPLAY_CLASHES),$(error src/ and src/tickreplay/ both have $(REPLAY_CLASHES)))

all: $(BUILD)/tickreplay

# From archives the linker takes what is needed.
$(BUILD)/tickreplay: $(BUILD)/tickreplay.o $(BUILD)/replay.a $(BUILD)/modules.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/replay.a: $(filter-out $(BUILD)/tickreplay.o,$(REPLAY_OBJECTS))
$(BUILD)/modules.a: $(MODULES)
$(BUILD)/replay.a $(BUILD)/modules.a:
	rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: src/tickreplay/%.c | $(BUILD)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Headers of src/tickreplay are found from their own sources, and by the tests of its modules.
$(BUILD)/tests/test_replay_%.o: CPPFLAGS += -iquote src/tickreplay

# How fast, and how steady; see scripts/replay-bench.
.PHONY: replay-bench
replay-bench: $(BUILD)/tickreplay $(BUILD)/mockbroker $(BUILD)/bareproduce
	scripts/replay-bench $(BUILD)
$(BUILD)/bareproduce: $(BUILD)/tests/bareproduce.o $(BUILD)/replay.a $(BUILD)/modules.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(BUILD)/tests/bareproduce.o: CPPFLAGS += -iquote src/tickreplay

# Generate, send, verify: a private PostgreSQL, a real Kafka broker, tickd killed on the way; at the
# recording's own pace and as fast as it goes. TICKD_RECORDINGS=DIR takes recordings of yours as well.
.PHONY: replay-test
replay-test:
	scripts/deps build check
	$(SUBMAKE) MODE=release all
	TICKD_BIN=$(CURDIR)/build/release/tickd /usr/bin/python3 -m pytest tests/test_replay_recordings.py
