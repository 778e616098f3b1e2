# SPDX-License-Identifier: BSD-2-Clause
# Programs that test hypervisor code on this machine: tests/host/*_test.c (cmocka, with sanitizers)
# tests/fuzz/*.c and tests/bench/*.c (optimised). Comment lines at the head of each say what it is made of:
#	/* SOURCES: lib/log.c mmu/*.c */  /* LIBS: -lZydis */  /* CFLAGS: -DX=1 */
# Scripts tests/host/*_test.py test what is written in Python. Included by the Makefile.

HOST_CC     := $(CC)
HOST_FLAGS  := -std=gnu11 -g -DDEBUG $(WARN) -Itests/host/fake -I.
HOST_TESTS  := $(sort $(wildcard tests/host/*_test.c))
HOST_SCRIPTS := $(sort $(wildcard tests/host/*_test.py))
FUZZ_TESTS  := $(sort $(wildcard tests/fuzz/*.c))
BENCHES     := $(sort $(wildcard tests/bench/*.c))

FLAGS_host := $(HOST_FLAGS) -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_fuzz := $(HOST_FLAGS) -O2
FLAGS_bench := $(FLAGS_fuzz)

$(BUILD)/host.mk: tests/host/host.awk $(HOST_TESTS) $(FUZZ_TESTS) $(BENCHES)
	$Q mkdir -p $(@D)
	$Q awk -v build=$(BUILD) -f $< $(HOST_TESTS) $(FUZZ_TESTS) $(BENCHES) >$@
ifneq ($(filter %-test soak soak-% host-test fuzz-test $(BUILD)/host/% $(BUILD)/fuzz/% bench $(BUILD)/bench/%,$(MAKECMDGOALS)),)
include $(BUILD)/host.mk
endif

host-test: $(HOST_TESTS:tests/%.c=$(BUILD)/%) $(HOST_SCRIPTS)
	$Q $(PYTHON) tests/host/run.py --limit 200 --out $(BUILD)/results/$@.xml $^
fuzz-test: $(FUZZ_TESTS:tests/%.c=$(BUILD)/%)
	$Q $(PYTHON) tests/host/run.py --limit 600 --out $(BUILD)/results/$@.xml $^

# Each rule of docs/seeds.md: its test passes, and fails once the rule is broken.
MUTANTS = $(PYTHON) tests/host/mutants.py --limit 100 --out $(BUILD)/results/$@.xml
SEED_TESTS := $(sort $(wildcard $(foreach p,$(shell sed -n \
	's/^|[^|]*|[^|]*| `\([a-z0-9_]*\)` `.*/\1/p' docs/seeds.md),tests/host/$(p).c)))
mutant-test: $(SEED_TESTS:tests/%.c=$(BUILD)/%)
	$Q $(MUTANTS) $^
# What of mmu/ its host programs run, built once more without sanitizers.
COVERED = $(shell grep -l '^/\* SOURCES:.*mmu/' $(HOST_TESTS))
COVERAGE = $(BUILD)/coverage
coverage:
	$Q $(MAKE) --no-print-directory BUILD=$(COVERAGE) FLAGS_host='$(HOST_FLAGS) -O0 --coverage' \
		$(COVERED:tests/%.c=$(COVERAGE)/%)
	$Q find $(COVERAGE) -name '*.gcda' -delete
	$Q $(PYTHON) tests/host/run.py --limit 300 --out $(COVERAGE)/$@.xml \
		$(COVERED:tests/%.c=$(COVERAGE)/%)
	$Q $(PYTHON) tests/host/coverage.py --out $(BUILD)/results/$@.xml $(COVERAGE)
# Shadow paging for long: random operations, then as many seconds of libFuzzer, which keeps what it
# has found out in build/soak/corpus.
SOAK_OPS     ?= 100000000
SOAK_SECONDS ?= 900
SOAK_SOURCES := tests/soak/shadow_fuzzer.c $(wildcard tests/sim/*.c mmu/*.c mmu/shadow/*.c) \
	tests/host/mmu_ref.c tests/host/mutant.c

soak: soak-mutants soak-random soak-fuzzer
soak-random: $(BUILD)/fuzz/shadow_small $(BUILD)/fuzz/shadow_full
	$(BUILD)/fuzz/shadow_small 1000000 $(SOAK_OPS)
	$(BUILD)/fuzz/shadow_full 1000000 $(SOAK_OPS)
soak-fuzzer: $(BUILD)/soak/shadow_fuzzer
	$Q mkdir -p $(BUILD)/soak/corpus
	$< -max_total_time=$(SOAK_SECONDS) -max_len=8192 -verbosity=0 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/soak/ $(BUILD)/soak/corpus
$(BUILD)/soak/shadow_fuzzer: $(SOAK_SOURCES) $(wildcard tests/sim/*.h mmu/*.h mmu/shadow/*.h)
	@echo "  FUZZER  $@"
	$Q mkdir -p $(@D)
	$Q clang -std=gnu11 -g -O1 -DDEBUG -DMMU_LEVEL_BITS=2 -Itests/host/fake -I. \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $(SOAK_SOURCES) -lcmocka
soak-mutants: $(SEED_TESTS:tests/%.c=$(BUILD)/%)
	$Q $(MUTANTS) --cross docs/mutants.md $^
.PHONY: host-test fuzz-test mutant-test coverage soak soak-mutants soak-random soak-fuzzer

# The image's own C library in one object, every name prefixed, for lib_libc_test.c.
$(BUILD)/host/newlib.o: $(BUILD)/libc.a $(BUILD)/obj/lib/libc.c.o
	$Q mkdir -p $(@D)
	$Q ld -r --whole-archive -o $@ $^
	$Q objcopy --prefix-symbols=nl_ $@
$(BUILD)/host/lib_libc_test: $(BUILD)/host/newlib.o
