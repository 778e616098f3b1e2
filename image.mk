# SPDX-License-Identifier: BSD-2-Clause
# ISO images, the demo machine, the guest test programs, and running them. Included by the Makefile.
#
#	make iso VM=dir/machine.ini OUT=file.iso	ISO of any machine; the files it names lie beside it
#	make run [VM=dir/machine.ini] [MACHINE=qemu|ovmf] [SMP=2] [MEM=1G] [OPTIONS='...']

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
RUN_qemu := qemu-system-x86_64 -accel tcg,thread=single -cpu max
RUN_ovmf := $(RUN_qemu) -bios /usr/share/ovmf/OVMF.fd

run: DEPS := build run
run: deps
	$Q $(MAKE) --no-print-directory iso
	@echo "  RUN     $(OUT) on $(MACHINE); ctrl-a x ends QEMU"
	$Q $(RUN_$(MACHINE)) -smp $(SMP) -m $(MEM) -nodefaults -vga none -display none \
		-cdrom $(OUT) -serial mon:stdio

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
	$Q ld -nostdlib -static --build-id=none -z max-page-size=0x1000 -z noexecstack \
		--no-warn-rwx-segments -T tests/guests/lib/link.ld -o $@ $(filter %.o %.a,$^)
$(GUEST)/access.elf: $(patsubst %,$(GUEST)/obj/%.o,$(wildcard tests/guests/access/*.[cS]))
$(GUEST)/%: $(GUEST)/%.elf
	@echo "  GUEST   $@"
	$Q objcopy -O elf32-i386 $< $@

# A boot sector.
$(GUEST)/flat: $(GUEST)/obj/tests/guests/flat.S.o
	@echo "  GUEST   $@"
	$Q ld -nostdlib -static --build-id=none -Ttext=0x7c00 --oformat=binary -o $@ $<

guests: $(GUEST_ELF) $(GUEST)/flat
.PHONY: guests

-include $(shell find $(GUEST)/obj -name '*.d' 2>/dev/null)
