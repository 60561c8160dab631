# SPDX-License-Identifier: MIT
# Unit tests: each tests/test_*.c is a program of its own that links only the objects which its second
# line names ("/* links: a.o b.o */"), so that a new dependency of a module breaks the link. An object
# comes from tests/ if there is such a source, else from src/.

UNIT_TESTS := $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
UNIT_BINS  := $(addprefix $(BUILD)/tests/,$(UNIT_TESTS))

unit_links   = $(shell sed -n '2s|^/\* links: *\(.*[^ ]\) *\*/$$|\1|p' tests/$(1).c)
unit_objects = $(foreach o,$(call unit_links,$(1)),$(if $(wildcard tests/$(o:.o=.c)),$(BUILD)/tests/$(o),$(BUILD)/$(o)))

define unit_rule
$(BUILD)/tests/$(1): $(BUILD)/tests/$(1).o $(call unit_objects,$(1))
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) $$(shell pkg-config --libs check)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(t))))

# One counts allocations, one goes without a call of the kernel.
$(BUILD)/tests/test_path: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
$(BUILD)/tests/test_kafka_bell: LDFLAGS += -Wl,--wrap=timerfd_create

# Programs that put a module at the hands of a test in Python are linked in the same way.
TEST_TOOLS := pg_live bench_decode
define tool_rule
$(BUILD)/$(1): $(BUILD)/tests/$(1).o $(call unit_objects,$(1))
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach t,$(TEST_TOOLS),$(eval $(call tool_rule,$(t))))

.PHONY: unit-tests print-unit-tests
unit-tests: $(UNIT_BINS) $(addprefix $(BUILD)/,$(TEST_TOOLS))
print-unit-tests:
	@printf '%s\n' $(UNIT_TESTS)

.SECONDARY:
