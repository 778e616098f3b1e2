/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices too small for a file of their own. Each section names its source. */
#include "vm/dev/vports.h"

#include <errno.h>
#include <stdio.h>

#include "arch/mem.h"
#include "vm/vm.h"

struct vports {
	struct vm *vm;
	u32 pci_address;
	u8 reset_control;  /* port 0xcf9 */
	u8 system_control; /* port 0x92 */
	char exit_text[32];
};

/* --- PCI configuration mechanism 1 ----------------------------------------------------------
 * Source: PCI Local Bus Specification "Software Generation of Configuration Transactions"; Intel
 * 82441FX (PMC) datasheet for the host bridge's header. */

#define PCI_ADDRESS   0xcf8
#define RESET_CONTROL 0xcf9
#define PCI_DATA      0xcfc
#define PCI_ENABLE    BIT32(31)

/* The header of device 0:0.0, the only one. Nothing in it can be changed. */
static const u32 bridge_header[] = {
	0x12378086, /* 82441FX */
	0x02000000, /* status: medium DEVSEL */
	0x06000002, /* host bridge, revision 2 */
};

static u32 pci_config(u32 address)
{
	u32 reg = address >> 2 & 0x3f;

	if (!(address & PCI_ENABLE) || address & 0x7fffff00)
		return ~0U;
	return reg < ARRAY_SIZE(bridge_header) ? bridge_header[reg] : 0;
}

/* --- Resets ------------------------------------------------------------------------------------
 * Source: Intel 82371AB (PIIX4) datasheet "RC - Reset Control Register"; IBM PS/2 Technical
 * Reference "System Control Port A". */

#define RC_CPU   BIT32(2)
#define RC_BITS  0x06
#define SC_RESET BIT32(0)
#define SC_A20   BIT32(1) /* kept for the guest; A20 is never masked */

static void write_reset_control(struct vports *s, u8 val)
{
	if (val & ~s->reset_control & RC_CPU)
		vm_request_reset(s->vm, "reset through port 0xcf9");
	s->reset_control = val & RC_BITS;
}

static u32 pci_read(void *dev, u16 port, u8 size)
{
	struct vports *s = dev;

	if (port == PCI_ADDRESS && size == 4)
		return s->pci_address;
	if (port == RESET_CONTROL)
		return s->reset_control;
	if (port < PCI_DATA)
		return ~0U;
	return pci_config(s->pci_address) >> (port & 3) * 8;
}

static void pci_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vports *s = dev;

	if (port == PCI_ADDRESS && size == 4)
		s->pci_address = val & (PCI_ENABLE | 0xfffffc);
	else if (port == RESET_CONTROL)
		write_reset_control(s, (u8)val);
}

static u32 port92_read(void *dev, u16 port, u8 size)
{
	struct vports *s = dev;

	(void)port;
	(void)size;
	return s->system_control;
}

static void port92_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vports *s = dev;

	(void)port;
	(void)size;
	if (val & ~s->system_control & SC_RESET)
		vm_request_reset(s->vm, "reset through port 0x92");
	s->system_control = val & (SC_A20 | SC_RESET);
}

/*
 * There is no keyboard controller (the FADT says so), but its reset line is what many systems try
 * first or last, and most wait for an empty input buffer before: the status is that of an idle
 * controller. Source: IBM PC AT Technical Reference "8042 Keyboard Controller".
 */
#define KBD_IDLE        0x1c /* both buffers empty, self-test passed, not locked */
#define KBD_PULSE_RESET 0xfe

static u32 kbd_read(void *dev, u16 port, u8 size)
{
	(void)dev;
	(void)port;
	(void)size;
	return KBD_IDLE;
}

static void kbd_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vports *s = dev;

	(void)port;
	(void)size;
	if ((u8)val == KBD_PULSE_RESET)
		vm_request_reset(s->vm, "reset through the keyboard controller");
}

/* --- debugcon and isa-debug-exit ---------------------------------------------------------------
 * Source: QEMU documentation of the devices isa-debugcon and isa-debug-exit. */

#define DEBUGCON   0xe9
#define DEBUG_EXIT 0xf4

static u32 debugcon_read(void *dev, u16 port, u8 size)
{
	(void)dev;
	(void)port;
	(void)size;
	return DEBUGCON;
}

static void debugcon_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vports *s = dev;
	char c = (char)val;

	(void)port;
	(void)size;
	vm_console_put(s->vm, &c, 1);
}

static u32 debug_exit_read(void *dev, u16 port, u8 size)
{
	(void)dev;
	(void)port;
	(void)size;
	return 0;
}

static void debug_exit_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vports *s = dev;

	(void)port;
	(void)size;
	snprintf(s->exit_text, sizeof(s->exit_text), "exit code %u", 2 * val + 1);
	vm_request_poweroff(s->vm, s->exit_text);
}

/* --- life ------------------------------------------------------------------------------------- */

int vports_create(struct vm *vm)
{
	struct vports *s = kzalloc(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	vm->ports = s;
	s->vm = vm;
	err = vm_pio_add(vm, PCI_ADDRESS, 8, pci_read, pci_write, s);
	if (!err)
		err = vm_pio_add(vm, 0x92, 1, port92_read, port92_write, s);
	if (!err)
		err = vm_pio_add(vm, 0x64, 1, kbd_read, kbd_write, s);
	if (!err)
		err = vm_pio_add(vm, DEBUGCON, 1, debugcon_read, debugcon_write, s);
	if (!err && vm->cfg.debug_exit)
		err = vm_pio_add(vm, DEBUG_EXIT, 4, debug_exit_read, debug_exit_write, s);
	return err;
}

void vports_reset(struct vm *vm)
{
	struct vports *s = vm->ports;

	s->pci_address = 0;
	s->reset_control = 0;
	s->system_control = SC_A20;
}

void vports_destroy(struct vm *vm)
{
	if (vm->ports)
		kfree(vm->ports, sizeof(*vm->ports));
	vm->ports = NULL;
}
