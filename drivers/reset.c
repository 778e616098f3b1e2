/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reboot and power-off. Each way is followed by a wait, for the machine needs a moment to obey.
 * Source: ACPI 6.4 "Reset Register", "SLP_TYP and SLP_EN"; Intel 440FX PCIset "Turbo/Reset
 * Control".
 */

#include "drivers/reset.h"

#include "arch/mem.h"
#include "arch/timer.h"
#include "arch/tsc.h"
#include "arch/x86.h"
#include "drivers/console.h"

#define PORT_RESET_CTL 0xcf9
#define RESET_CTL_HARD 0x02
#define RESET_CTL_GO   0x06
#define PORT_KBD_CMD   0x64
#define KBD_BUSY       0x02
#define KBD_PULSE      0xfe
#define PORT_PCI_ADDR  0xcf8
#define PORT_PCI_DATA  0xcfc
#define PCI_ENABLE     BIT32(31)

#define PM1_SCI_EN  BIT32(0)
#define PM1_SLP_TYP (7U << 10)
#define PM1_SLP_EN  BIT32(13)

#define WAIT_US 50000

static const struct acpi_info *acpi;
static bool debug_exit_on;

void reset_init(const struct acpi_info *info, bool debug_exit)
{
	acpi = info;
	debug_exit_on = debug_exit;
}

/* Also before the TSC is calibrated, when a port read (about 1 us) must do for a clock. */
static void wait(void)
{
	if (tsc_khz)
		udelay(WAIT_US);
	else
		for (u32 i = 0; i < WAIT_US; i++)
			inb(PORT_KBD_CMD);
}

static void reset_register(const struct acpi_reg *r, u8 val)
{
	if (r->addr == 0)
		return;
	if (r->space == ACPI_SPACE_IO && r->addr <= 0xffff)
		outb((u16)r->addr, val);
	else if (r->space == ACPI_SPACE_MEMORY)
		*(volatile u8 *)mmio_map(HPA(r->addr), 1) = val;
	else if (r->space == ACPI_SPACE_PCI) {
		u32 slot = (u32)(FIELD(r->addr, 36, 32) << 11 | FIELD(r->addr, 18, 16) << 8);

		outl(PORT_PCI_ADDR, PCI_ENABLE | slot | (u32)(r->addr & 0xfc));
		outb((u16)(PORT_PCI_DATA + (r->addr & 3)), val);
	}
	wait();
}

static void reset_chipset(void)
{
	outb(PORT_RESET_CTL, RESET_CTL_HARD);
	outb(PORT_RESET_CTL, RESET_CTL_GO);
	wait();
}

static void reset_keyboard(void)
{
	for (u32 i = 0; i < 10000 && (inb(PORT_KBD_CMD) & KBD_BUSY); i++)
		cpu_pause();
	outb(PORT_KBD_CMD, KBD_PULSE);
	wait();
}

void machine_reboot(void)
{
	console_flush();
	if (acpi)
		reset_register(&acpi->reset, acpi->reset_value);
	reset_chipset();
	reset_keyboard();
	triple_fault();
}

/* The PM1 registers work only in ACPI mode; firmware may have to be asked for it. */
static bool acpi_mode(void)
{
	if (inw(acpi->pm1a_cnt) & PM1_SCI_EN)
		return true;
	if (!acpi->smi_cmd)
		return false;
	outb(acpi->smi_cmd, acpi->acpi_enable);
	for (u32 i = 0; i < 10 && !(inw(acpi->pm1a_cnt) & PM1_SCI_EN); i++)
		wait();
	return inw(acpi->pm1a_cnt) & PM1_SCI_EN;
}

static void enter_s5(u16 port, u8 typ)
{
	u32 v = inw(port) & ~(PM1_SLP_TYP | PM1_SLP_EN);

	outw(port, (u16)(v | (u32)typ << 10));
	outw(port, (u16)(v | (u32)typ << 10 | PM1_SLP_EN));
}

const char *machine_poweroff(void)
{
	console_flush();
	if (debug_exit_on) {
		outl(DEBUG_EXIT_PORT, DEBUG_EXIT_POWEROFF);
		wait();
	}
	if (!acpi || !acpi->pm1a_cnt)
		return "cannot power off: ACPI names no PM1a control register";
	if (!acpi->has_s5)
		return "cannot power off: the firmware's DSDT has no \\_S5 package";
	if (!acpi_mode())
		return "cannot power off: the firmware did not enter ACPI mode";
	enter_s5(acpi->pm1a_cnt, acpi->s5_typ_a);
	if (acpi->pm1b_cnt)
		enter_s5(acpi->pm1b_cnt, acpi->s5_typ_b);
	wait();
	return "power-off was requested through ACPI, but the machine is still on";
}
