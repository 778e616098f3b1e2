# SPDX-License-Identifier: BSD-2-Clause
# Umbra's build: no configure step. `make help` lists the targets.
#
#	CC=gcc|clang	compiler			DEBUG=1		assertions, lock ranks, -Og
#	BUILD=dir	output folder (build)		V=1		show the commands
#	NODEPS=1	install no packages

ifeq ($(origin CC),default)
CC := gcc
endif
BUILD  ?= build
DEBUG  ?= 0
PYTHON ?= /usr/bin/python3
Q      := $(if $(filter 1,$(V)),,@)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

all: $(BUILD)/umbra

help:
	@echo "make            build $(BUILD)/umbra (and umbra.elf with debug information)"
	@echo "make run        boot it under QEMU           make iso VM=dir/machine.ini OUT=file.iso"
	@echo "make test       everything below             make bench     print the benchmark table"
	@echo "make test-all   make test, and other kernels and longer stress"
	@echo "make lint       style and structure          make format    apply .clang-format"
	@echo "make host-test  unit tests on this machine   make fuzz-test  make mutant-test  make coverage"
	@echo "make soak       longer tests; writes docs/mutants.md"
	@echo "make build-test both compilers, DEBUG, size, reproducible image"

# --- flags --------------------------------------------------------------------------------------

# $(call try,FLAGS): those of the flags that this compiler knows.
try = $(foreach f,$(1),$(shell $(CC) -Werror $(f) -x c -c /dev/null -o /dev/null 2>/dev/null && \
	echo $(f)))

# The language and the machine: what every object of the image, newlib included, is compiled with.
CORE := -std=gnu11 -ffreestanding -nostdinc -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-pie -fno-pic -fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks -fwrapv \
	-fno-omit-frame-pointer -fno-stack-protector -fno-asynchronous-unwind-tables \
	-ffunction-sections -fdata-sections \
	-fcf-protection=none -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(BUILD)=build \
	-Ulinux -Uunix -U__linux__ -U__unix__

WARN := -Wall -Wextra -Werror -Wshadow -Wundef -Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings \
	-Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes -Wmissing-declarations \
	-Wredundant-decls -Wnested-externs -Wformat=2 -Wimplicit-fallthrough -Wconversion \
	-Wsign-conversion -Wnull-dereference -Walloca
WARN += $(call try,-Wlogical-op -Wduplicated-cond -Wbidi-chars=any)

OPT := $(if $(filter 1,$(DEBUG)),-Og -DDEBUG,-O2)

include lib/newlib/newlib.mk

INC    := -I. $(NEWLIB_INC) -isystem $(shell $(CC) -print-file-name=include)
CFLAGS_HV := $(CORE) $(OPT) -g $(WARN) -Wframe-larger-than=1024 $(INC)

# What waits for a person, runs once or seldom need not be quick; it shall be small.
COLD := boot/% drivers/% shell/% vm/acpi/% vm/load/% \
	arch/cpufeat% arch/frames% arch/hostmap% arch/panic% arch/smp% \
	lib/cmd% lib/date% lib/ini% lib/log% lib/out% mmu/audit% mmu/shadow/audit% \
	vm/config% vm/cpuid% vm/dev/vfwcfg% vm/dev/vrtc% vm/life% vm/record% vm/vcpu_cmd% vm/vm.c% \
	vm/vm_cmd% vm/vm_mem% $(foreach b,svm vmx,$(b)/check% $(b)/dump% $(b)/ops% $(b)/probe%)

# Objects depend on this file, which changes when the flags do.
FLAGS := $(CC) $(shell $(CC) -dumpfullversion -dumpversion) $(CFLAGS_HV) $(COLD)
$(BUILD)/flags: FORCE
	$Q mkdir -p $(@D)
	$Q echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@
FORCE:

# --- the image ----------------------------------------------------------------------------------

SRC_DIRS := $(wildcard lib arch drivers mmu vm vmx svm shell boot)
SRC := $(sort $(shell find $(SRC_DIRS) -name '*.[cS]' -not -path 'lib/newlib/*'))
ASL := $(sort $(shell find $(SRC_DIRS) -name '*.asl'))
OBJ := $(SRC:%=$(BUILD)/obj/%.o) $(ASL:%=$(BUILD)/obj/%.o)
LIBGCC = $(shell gcc -print-libgcc-file-name)

$(filter $(COLD:%=$(BUILD)/obj/%),$(OBJ)): OPT_COLD := $(if $(filter 1,$(DEBUG)),,-Os)

$(BUILD)/obj/%.c.o: %.c $(BUILD)/flags | $(NEWLIB)/unpacked
	@echo "  CC      $<"
	$Q mkdir -p $(@D)
	$Q $(CC) $(CFLAGS_HV) $(OPT_COLD) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.S.o: %.S $(BUILD)/flags | $(NEWLIB)/unpacked
	@echo "  AS      $<"
	$Q mkdir -p $(@D)
	$Q $(CC) $(CFLAGS_HV) -Wa,--noexecstack -MMD -MP -c -o $@ $<

# An ACPI table x/y.asl becomes the bytes aml_y .. aml_y_end.
$(BUILD)/gen/%.aml: %.asl
	@echo "  IASL    $<"
	$Q mkdir -p $(@D)
	$Q iasl -vs -p $(basename $@) $< >$@.log 2>&1 || { cat $@.log; rm -f $@; exit 1; }
$(BUILD)/obj/%.asl.o: $(BUILD)/gen/%.aml $(BUILD)/flags
	$Q mkdir -p $(@D)
	$Q n=aml_$(notdir $*) && printf '%s\n' '.section .rodata' ".global $$n, $${n}_end" \
		".balign 16" "$$n: .incbin \"$<\"" "$${n}_end:" | \
		as --noexecstack -o $@ -

# The table of function names for backtraces is made from the linked image and linked into it.
# It changes no text address after the second pass, which the last comparison proves.
LINK = ld -nostdlib -static --gc-sections --build-id=none -z max-page-size=0x1000 -z noexecstack \
	--no-warn-rwx-segments -T linker.ld -o $@ $(OBJ) $(filter %.ksym.o,$^) $(BUILD)/libc.a $(LIBGCC)
KSYM = nm -n $(if $<,$<,/dev/null) | awk -f lib/ksym.awk >$@
PARTS := $(OBJ) $(BUILD)/libc.a linker.ld Makefile

$(BUILD)/pass0.ksym.S: lib/ksym.awk
	$Q mkdir -p $(@D)
	$Q awk -f $< /dev/null >$@
$(BUILD)/pass1.ksym.S: $(BUILD)/pass0.elf lib/ksym.awk
	$Q $(KSYM)
$(BUILD)/pass2.ksym.S: $(BUILD)/pass1.elf lib/ksym.awk
	$Q $(KSYM)
$(BUILD)/pass3.ksym.S: $(BUILD)/pass2.elf lib/ksym.awk
	$Q $(KSYM)
$(BUILD)/%.ksym.o: $(BUILD)/%.ksym.S
	$Q as --noexecstack -o $@ $<
$(BUILD)/pass%.elf: $(BUILD)/pass%.ksym.o $(PARTS)
	$Q $(LINK)
.SECONDARY:

$(BUILD)/umbra.elf: $(BUILD)/pass2.elf $(BUILD)/pass3.ksym.S
	@echo "  LINK    $@"
	$Q cmp $(BUILD)/pass2.ksym.S $(BUILD)/pass3.ksym.S
	$Q cp $< $@
$(BUILD)/umbra: $(BUILD)/umbra.elf
	$Q strip -o $@ $<
	$Q size $@ | awk 'NR == 2 { printf "  SIZE    %s: text+data %d KiB\n", $$6, ($$1 + $$2) / 1024 }'

objects: $(OBJ) $(BUILD)/libc.a

# --- tests --------------------------------------------------------------------------------------

# make test runs these, in this order; each leaves build/results/TIER.xml.
TIERS := lint build-test host-test mutant-test coverage fuzz-test
include tests/host/host.mk
include image.mk
-include tests/system/system.mk

test: deps
	$Q $(PYTHON) tests/run.py $(TIERS)
lint: | $(NEWLIB)/unpacked
	$Q $(PYTHON) tests/lint/lint.py
build-test:
	$Q $(PYTHON) tests/lint/build.py
show-flags:
	@echo '$(CC) $(CFLAGS_HV)'
deps:
	$Q $(if $(filter 1,$(NODEPS)),NODEPS=1) tests/deps $(DEPS)
format:
	$Q git ls-files '*.c' '*.h' | xargs clang-format -i
	$Q git ls-files '*.[chS]' | xargs $(PYTHON) tests/lint/fold.py
clean:
	$Q rm -rf $(BUILD)

.PHONY: all help objects test lint build-test show-flags deps format clean FORCE

-include $(shell find $(BUILD)/obj $(BUILD)/host $(BUILD)/fuzz $(BUILD)/bench -name '*.d' 2>/dev/null)
