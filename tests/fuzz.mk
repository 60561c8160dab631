# SPDX-License-Identifier: MIT
# make fuzz FUZZ=decode FUZZ_SECONDS=600: runs tests/fuzz_decode.c with libFuzzer and sanitizers from the
# payloads in tests/data. New inputs are collected in build/fuzz/corpus/decode; a finding ends the run
# and leaves its input in build/fuzz/. A finding becomes a case in tests/data.

FUZZ         ?= decode
FUZZ_SECONDS ?= 60
FUZZ_BUILD   := build/fuzz
FUZZ_CFLAGS  := -std=c17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

fuzz_links    = $(shell sed -n '2s|^/\* links: *\(.*[^ ]\) *\*/$$|\1|p' tests/fuzz_$(1).c)
fuzz_sources  = tests/fuzz_$(1).c $(patsubst %.o,src/%.c,$(call fuzz_links,$(1)))

$(FUZZ_BUILD)/fuzz_%: tests/fuzz_%.c $(wildcard src/*.c include/*.h)
	mkdir -p $(FUZZ_BUILD)
	clang $(CPPFLAGS) $(FUZZ_CFLAGS) $(shell pkg-config --cflags libpq) -o $@ $(call fuzz_sources,$*) -ljansson -lpq -lm

.PHONY: fuzz
fuzz: $(FUZZ_BUILD)/fuzz_$(FUZZ)
	mkdir -p $(FUZZ_BUILD)/corpus/$(FUZZ)
	nice -n 19 $< -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=5 -use_value_profile=1 \
	    -dict=tests/fuzz_$(FUZZ).dict -artifact_prefix=$(FUZZ_BUILD)/ -print_final_stats=1 \
	    $(FUZZ_BUILD)/corpus/$(FUZZ) tests/data
