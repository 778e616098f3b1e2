# SPDX-License-Identifier: BSD-2-Clause
# Tests that boot the image in an emulator, and the benchmark. Included by the Makefile.
#
#	make system-test [TESTS='-k matrix']	make test-all: the long ones too; stopped and called
#						again, it goes on where it was

TIERS += guest-test system-test

guest-test: $(BUILD)/umbra guests
	$Q BUILD=$(BUILD) $(PYTHON) tests/guests/run.py --out $(BUILD)/results/$@.xml
guest-test-long: $(BUILD)/umbra guests
	$Q BUILD=$(BUILD) $(PYTHON) tests/guests/run.py --long --out $(BUILD)/results/$@.xml \
		--keep $(BUILD)/results/kept/$@.json

# Figures under -icount, beside those of others. LINUX_RUNS=0 leaves out Linux at work; COUNTERS=1
# prints what Umbra counted meanwhile.
bench: DEPS := build run bochs bench
bench: deps
	$Q $(MAKE) --no-print-directory $(BUILD)/umbra $(GUEST)/bench $(GUEST)/bench_paging $(BUILD)/bench/shadow \
		$(if $(filter 0,$(LINUX_RUNS)),,linux-guest)
	$Q BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py $(if $(filter 0,$(LINUX_RUNS)),--no-linux) \
		$(if $(filter 1,$(COUNTERS)),--counters)

# The picture of the README, from a run of the demo machine.
picture: iso
	$Q BUILD=$(BUILD) $(PYTHON) tests/system/picture.py $(OUT) docs/umbra.svg

SYSTEM_TEST = BUILD=$(BUILD) $(PYTHON) -m pytest -q -p no:cacheprovider --durations=0 \
	--durations-min=1 --junitxml=$(BUILD)/results/$@.xml $(TESTS) tests/system
system-test: $(BUILD)/umbra linux-guest guests
	$Q $(SYSTEM_TEST) -m 'not long'
system-test-long: $(BUILD)/umbra linux-kernels guests
	$Q $(SYSTEM_TEST) -m long --keep=$(BUILD)/results/kept/$@.json
test-all: deps
	$Q $(PYTHON) tests/run.py $(TIERS) guest-test-long system-test-long

.PHONY: guest-test guest-test-long bench picture system-test system-test-long test-all
