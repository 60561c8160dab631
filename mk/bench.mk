# SPDX-License-Identifier: MIT
# How fast tickd is beside what bounds it: psql \copy, and librdkafka alone. See docs/performance.md.

# BENCH_ROUNDS and BENCH_TICKS make it shorter. Results: build/bench/results.json.
.PHONY: bench
all: $(BUILD)/bareconsume $(BUILD)/bench_decode
bench:
	scripts/deps bench
	$(SUBMAKE) MODE=release all
	TICKD_BIN=$(CURDIR)/build/release/tickd scripts/bench

$(BUILD)/bareconsume: $(BUILD)/tests/bareconsume.o $(BUILD)/err.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
