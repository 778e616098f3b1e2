# SPDX-License-Identifier: BSD-2-Clause
# Tests that boot the image in an emulator, and the benchmark. Included by the Makefile.

TIERS += guest-test

guest-test: $(BUILD)/umbra guests
	$Q BUILD=$(BUILD) $(PYTHON) tests/guests/run.py --out $(BUILD)/results/$@.xml

# Figures under -icount, beside those of others; LINUX_RUNS=0 leaves out Linux at work.
bench: DEPS := build run bench
bench: deps
	$Q $(MAKE) --no-print-directory $(BUILD)/umbra $(GUEST)/bench \
		$(if $(filter 0,$(LINUX_RUNS)),,linux-guest)
	$Q BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py $(if $(filter 0,$(LINUX_RUNS)),--no-linux)

.PHONY: guest-test bench

# The picture of the README, from a run of the demo machine.
picture: iso
	$Q BUILD=$(BUILD) $(PYTHON) tests/system/picture.py $(OUT) docs/umbra.svg
.PHONY: picture
