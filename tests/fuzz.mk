# SPDX-License-Identifier: MIT
# make fuzz FUZZ=decode FUZZ_SECONDS=600: runs tests/fuzz_decode.c with libFuzzer and sanitizers from the
# payloads in tests/data. New inputs are collected in build/fuzz/corpus/decode; a finding ends the run
# and leaves its input in build/fuzz/. A finding becomes a case in tests/data.
#
# make fuzz-corpus FUZZ=decode_diff: what of that corpus adds coverage to tests/data goes into
# tests/data/fuzz/decode_diff, which unit tests replay.

FUZZ         ?= decode
FUZZ_SECONDS ?= 60
FUZZ_BUILD   := build/fuzz
FUZZ_CFLAGS  := -std=c17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

fuzz_links    = $(shell sed -n '2s|^/\* links: *\(.*[^ ]\) *\*/$$|\1|p' tests/fuzz_$(1).c)
fuzz_source   = $(firstword $(wildcard tests/$(1) src/$(1)))
fuzz_sources  = tests/fuzz_$(1).c $(foreach o,$(call fuzz_links,$(1)),$(call fuzz_source,$(o:.o=.c)))
fuzz_dict     = $(firstword $(wildcard tests/fuzz_$(1).dict tests/fuzz_$(firstword $(subst _, ,$(1))).dict))

$(FUZZ_BUILD)/fuzz_%: tests/fuzz_%.c $(wildcard src/*.c include/*.h tests/*_diff.[ch])
	mkdir -p $(FUZZ_BUILD)
	clang $(CPPFLAGS) -Itests $(FUZZ_CFLAGS) $(shell pkg-config --cflags libpq) -o $@ $(call fuzz_sources,$*) -ljansson -lpq -lm

.PHONY: fuzz
fuzz:
	scripts/deps build fuzz
	$(SUBMAKE) $(FUZZ_BUILD)/fuzz_$(FUZZ)
	mkdir -p $(FUZZ_BUILD)/corpus/$(FUZZ)
	nice -n 19 $(FUZZ_BUILD)/fuzz_$(FUZZ) -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=5 -use_value_profile=1 \
	    -dict=$(call fuzz_dict,$(FUZZ)) -artifact_prefix=$(FUZZ_BUILD)/ -print_final_stats=1 \
	    $(FUZZ_BUILD)/corpus/$(FUZZ) tests/data

.PHONY: fuzz-corpus
fuzz-corpus:
	scripts/deps build fuzz
	$(SUBMAKE) $(FUZZ_BUILD)/fuzz_$(FUZZ)
	mkdir -p tests/data/fuzz/$(FUZZ)
	$(FUZZ_BUILD)/fuzz_$(FUZZ) -merge=1 -use_counters=0 -max_len=4096 tests/data/fuzz/$(FUZZ) tests/data/decode $(FUZZ_BUILD)/corpus/$(FUZZ)
