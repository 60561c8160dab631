# SPDX-License-Identifier: MIT
# tickreplay: src/tickreplay/*.c with the modules of src/ that it shares. Its objects are in
# $(BUILD)/replay/, beside the program of that name.

REPLAY_SHARED  := buf clock err kafka_log log logline number property reject slurp timestamp utf8 inifile
REPLAY_OBJECTS := $(patsubst src/tickreplay/%.c,$(BUILD)/replay/%.o,$(wildcard src/tickreplay/*.c)) \
                  $(REPLAY_SHARED:%=$(BUILD)/%.o)

all: $(BUILD)/tickreplay

$(BUILD)/tickreplay: $(REPLAY_OBJECTS)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/replay/%.o: src/tickreplay/%.c | $(BUILD)/replay
	$(CC) $(CPPFLAGS) -iquote src/tickreplay $(CFLAGS) -c -o $@ $<
$(BUILD)/replay:
	mkdir -p $@

-include $(wildcard $(BUILD)/replay/*.d)
