# SPDX-License-Identifier: BSD-2-Clause
# ISO images, the demo machine, the guest test programs, and running them. Included by the Makefile.
#
#	make iso VM=dir/machine.ini OUT=file.iso	ISO of any machine; the files it names lie beside it
#	make run [VM=dir/machine.ini] [MACHINE=qemu|ovmf|bochs] [CPU=model] [SMP=2] [MEM=1G] \
#		[OPTIONS='...']

GUEST   := $(BUILD)/guest
LINUX   := $(GUEST)/linux
VM      ?= $(LINUX)/machine.ini
OUT     ?= $(BUILD)/umbra.iso
OPTIONS ?=
MACHINE ?= qemu
SMP     ?= 2
MEM     ?= 1G

# --- the demo machine: a Debian kernel and busybox ------------------------------------------------

FETCH := APT_DIR=$(LINUX)/apt tests/guests/linux/fetch-file
$(LINUX)/vmlinuz:
	$Q $(FETCH) $@ linux-image-cloud-amd64 './boot/vmlinuz-*'
$(LINUX)/stress: tests/guests/linux/stress.c
	@echo "  HOSTCC  $<"
	$Q mkdir -p $(@D)
	$Q gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -s -o $@ $<
$(LINUX)/initramfs: tests/guests/linux/make-initramfs $(LINUX)/stress $(shell find tests/guests/linux/root -type f)
	@echo "  CPIO    $@"
	$Q tests/guests/linux/make-initramfs $@ tests/guests/linux/root $(LINUX)/stress
$(LINUX)/machine.ini: tests/guests/linux/machine.ini
	$Q mkdir -p $(@D)
	$Q cp $< $@
linux-guest: $(LINUX)/vmlinuz $(LINUX)/initramfs $(LINUX)/machine.ini

# --- other kernels, for tests: every paging mode that Debian has a kernel for -----------------------

KERNELS := $(addprefix $(LINUX)/,amd64 686 686-pae)
$(KERNELS): ARCH = $(if $(findstring 686,$@),i386,amd64)
$(KERNELS):
	$Q $(FETCH) $@ linux-image-$(@F):$(ARCH) './boot/vmlinuz-*'
$(LINUX)/busybox-i386:
	$Q $(FETCH) $@ busybox-static:i386 ./bin/busybox
$(LINUX)/initramfs-i386: tests/guests/linux/make-initramfs $(LINUX)/busybox-i386 $(shell find tests/guests/linux/root -type f)
	@echo "  CPIO    $@"
	$Q BUSYBOX=$(LINUX)/busybox-i386 tests/guests/linux/make-initramfs $@ tests/guests/linux/root
linux-kernels: linux-guest $(KERNELS) $(LINUX)/initramfs-i386

# --- ISO ------------------------------------------------------------------------------------------

# The demo machine is built when it is the one asked for.
VM_FILES := $(if $(filter $(LINUX)/machine.ini,$(VM)),linux-guest)

iso: $(BUILD)/umbra $(VM_FILES)
	@echo "  ISO     $(OUT)"
	$Q $(PYTHON) boot/grub/iso.py --umbra $(BUILD)/umbra --options "$(OPTIONS)" --out $(OUT) $(VM)

# --- run: leave with the keys ctrl-a x --------------------------------------------------------------

# One thread: with a thread for each CPU QEMU can reset the machine (docs/limits.md).
RUN_qemu  = qemu-system-x86_64 -accel tcg,thread=single -cpu $(or $(CPU),max) -smp $(SMP) -m $(MEM) \
	-nodefaults -vga none -display none -serial mon:stdio -cdrom $(OUT)
RUN_ovmf  = $(RUN_qemu) -bios /usr/share/ovmf/OVMF.fd
RUN_bochs = $(PYTHON) tests/system/bochs.py --cpu $(or $(CPU),ryzen) --smp $(SMP) --memory $(MEM) $(OUT)

run: DEPS := build run $(filter bochs,$(MACHINE))
run: deps
	$Q $(MAKE) --no-print-directory iso
	@echo "  RUN     $(OUT) on $(MACHINE); ctrl-a x ends it"
	$Q $(or $(RUN_$(MACHINE)),$(error MACHINE=$(MACHINE): qemu, ovmf or bochs))

.PHONY: linux-guest linux-kernels iso run

# --- bare-metal test programs -----------------------------------------------------------------------
# tests/guests/NAME.c becomes $(GUEST)/NAME, an ELF32 multiboot1 file.

GUEST_SRC   := $(wildcard tests/guests/*.c)
GUEST_ELF   := $(GUEST_SRC:tests/guests/%.c=$(GUEST)/%)
GUEST_LIB   := $(patsubst %,$(GUEST)/obj/%.o,$(wildcard tests/guests/lib/*.[cS]) lib/libc.c)
GUEST_FLAGS := $(CORE) -O2 -g $(WARN) $(INC)

$(GUEST)/obj/%.o: % $(BUILD)/flags | $(NEWLIB)/unpacked
	$Q mkdir -p $(@D)
	$Q $(CC) $(GUEST_FLAGS) -Wa,--noexecstack -MMD -MP -c -o $@ $<
$(GUEST)/%.elf: $(GUEST)/obj/tests/guests/%.c.o $(GUEST_LIB) $(BUILD)/libc.a tests/guests/lib/link.ld
	$Q $(GUEST_LD)
$(GUEST)/access.elf: $(patsubst %,$(GUEST)/obj/%.o,$(wildcard tests/guests/access/*.[cS]))
$(GUEST)/%: $(GUEST)/%.elf
	@echo "  GUEST   $@"
	$Q objcopy -O elf32-i386 $< $@

# A boot sector.
$(GUEST)/flat: $(GUEST)/obj/tests/guests/flat.S.o
	@echo "  GUEST   $@"
	$Q ld -nostdlib -static --build-id=none -Ttext=0x7c00 --oformat=binary -o $@ $<

# tests/guests/paging/pg_NAME.c becomes $(GUEST)/pg_NAME64 and pg_NAME32, for 64-bit and 32-bit
# modes; the other files of that folder are their library. In 32-bit objects it is lib32/ that
# stands in for the files of lib/ with the same job, and C for newlib's assembly.
PG_SRC    := $(wildcard tests/guests/paging/pg_*.c)
PG_LIB    := $(filter-out $(PG_SRC),$(wildcard tests/guests/paging/*.c))
PG_ELF    := $(foreach n,64 32,$(PG_SRC:tests/guests/paging/%.c=$(GUEST)/%$n))
PG_LIB64  := $(patsubst %,$(GUEST)/obj/%.o,$(PG_LIB) tests/guests/paging/user64.S) $(GUEST_LIB)
PG_LIB32  := $(patsubst %,$(GUEST)/obj32/%.o,$(PG_LIB) tests/guests/paging/user32.S \
	$(wildcard tests/guests/lib32/*.[cS]) lib/libc.c \
	$(addprefix tests/guests/lib/,apic.c report.c smp.c trap.c trampoline.S))
CORE32    := $(filter-out -mcmodel=kernel -mno-red-zone,$(CORE)) -m32 -march=x86-64
NEWLIB_SRC32 := $(patsubst machine/x86_64/%.S,string/%.c,$(NEWLIB_SRC))

$(GUEST)/obj32/%.o: % $(BUILD)/flags | $(NEWLIB)/unpacked
	$Q mkdir -p $(@D)
	$Q $(CC) $(CORE32) -O2 -g $(WARN) $(INC) -Wa,--noexecstack -MMD -MP -c -o $@ $<
$(addprefix $(NEWLIB)/libc/string/,memcpy.c memset.c): $(NEWLIB)/unpacked ;
$(NEWLIB)/obj32/%.o: $(NEWLIB)/libc/% lib/newlib/newlib.h $(BUILD)/flags
	$Q mkdir -p $(@D)
	$Q $(CC) $(CORE32) -O2 -w -fno-builtin $(INC) $(NEWLIB_DEF) -Wa,--noexecstack -c -o $@ $<
$(BUILD)/libc32.a: $(NEWLIB_SRC32:%=$(NEWLIB)/obj32/%.o)
	@echo "  AR      $@"
	$Q rm -f $@ && $(AR) rcsD $@ $^

GUEST_LD = ld -nostdlib -static --build-id=none -z max-page-size=0x1000 -z noexecstack \
	--no-warn-rwx-segments -T tests/guests/lib/link.ld -o $@ $(filter %.o %.a,$^)
$(GUEST)/pg_%64.elf: $(GUEST)/obj/tests/guests/paging/pg_%.c.o $(PG_LIB64) $(BUILD)/libc.a \
		tests/guests/lib/link.ld
	$Q $(GUEST_LD)
$(GUEST)/pg_%32.elf: $(GUEST)/obj32/tests/guests/paging/pg_%.c.o $(PG_LIB32) $(BUILD)/libc32.a \
		tests/guests/lib/link.ld
	$Q $(GUEST_LD) -m elf_i386

guests: $(GUEST_ELF) $(PG_ELF) $(GUEST)/flat
.PHONY: guests

-include $(shell find $(GUEST)/obj $(GUEST)/obj32 -name '*.d' 2>/dev/null)
