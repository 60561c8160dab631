# SPDX-License-Identifier: MIT
# How fast tickd is beside what bounds it: psql \copy, and librdkafka alone. See docs/performance.md.

# BENCH_ROUNDS and BENCH_TICKS make it shorter. Results: build/bench/results.json.
.PHONY: bench bench-programs
all: $(BUILD)/bareconsume
bench:
	scripts/deps bench
	$(SUBMAKE) MODE=release bench-programs
	TICKD_BIN=$(CURDIR)/build/release/tickd scripts/bench

bench-programs: all $(addprefix $(BUILD)/,$(filter bench_decode,$(TEST_TOOLS)))
$(BUILD)/bareconsume: $(BUILD)/tests/bareconsume.o $(BUILD)/err.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
