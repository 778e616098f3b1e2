# SPDX-License-Identifier: BSD-2-Clause
# Tests that boot the image in an emulator, and the benchmark. Included by the Makefile.

TIERS += guest-test

guest-test: $(BUILD)/umbra guests
	$Q BUILD=$(BUILD) $(PYTHON) tests/guests/run.py --out $(BUILD)/results/$@.xml

.PHONY: guest-test
