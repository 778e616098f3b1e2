/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: drivers/reset.c tests/host/fake/clock.c tests/host/fake/bug.c */
/* Reboot and power-off against ports that record what was written. */

#include "drivers/reset.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "arch/mem.h"
#include "arch/tsc.h"
#include "arch/x86.h"
#include "drivers/console.h"
#include "tests/host/test.h"

static char wrote[256];
static jmp_buf machine_gone;
static u16 obeys;  /* the port whose write ends the machine */
static u16 pm1[2]; /* PM1a and PM1b control */
static bool firmware_enables_acpi;
static u8 mmio[16];

#define PM1A 0x604
#define PM1B 0x704

static void note(u16 port, u32 v)
{
	size_t n = strlen(wrote);

	snprintf(wrote + n, sizeof(wrote) - n, "%x=%x ", port, v);
	if (port == obeys)
		longjmp(machine_gone, 1);
}

u8 inb(u16 port)
{
	(void)port;
	return 0;
}

u16 inw(u16 port)
{
	return pm1[port == PM1B];
}

u32 inl(u16 port)
{
	(void)port;
	return 0;
}

void outb(u16 port, u8 v)
{
	if (port == 0xb2 && firmware_enables_acpi)
		pm1[0] |= 1;
	note(port, v);
}

void outw(u16 port, u16 v)
{
	note(port, v);
}

void outl(u16 port, u32 v)
{
	note(port, v);
}

volatile void *mmio_map(hpa_t base, u64 size_bytes)
{
	(void)size_bytes;
	return mmio + (base.v & 15);
}

void udelay(u64 us)
{
	assert_true(us > 0);
}

void console_flush(void)
{
	strcat(wrote, "flush ");
}

static int start(void **state)
{
	(void)state;
	wrote[0] = '\0';
	obeys = 0;
	pm1[0] = 1;
	pm1[1] = 0;
	firmware_enables_acpi = false;
	return 0;
}

static void reboot(void)
{
	if (setjmp(machine_gone) == 0)
		machine_reboot();
}

static void reboot_asks_the_acpi_register_first(void **state)
{
	static const struct acpi_info info = { .reset = { .space = ACPI_SPACE_IO, .addr = 0x64e },
					       .reset_value = 0x0f };

	(void)state;
	reset_init(&info, false);
	obeys = 0x64e;
	reboot();
	assert_string_equal(wrote, "flush 64e=f ");
}

static void reboot_tries_chipset_and_keyboard_when_acpi_is_silent(void **state)
{
	static const struct acpi_info info = { .reset = { .addr = 0 } };

	(void)state;
	reset_init(&info, false);
	obeys = 0x64;
	reboot();
	assert_string_equal(wrote, "flush cf9=2 cf9=6 64=fe ");
}

static void reset_register_may_lie_in_memory_or_pci_space(void **state)
{
	static struct acpi_info info = {
		.reset = { .space = ACPI_SPACE_MEMORY, .addr = 0xfed00003 }, .reset_value = 0xa5
	};

	(void)state;
	reset_init(&info, false);
	obeys = 0xcf9;
	reboot();
	assert_int_equal(mmio[3], 0xa5);
	wrote[0] = '\0';
	/* device 0x1f, function 2, offset 0x45 */
	info.reset = (struct acpi_reg){ .space = ACPI_SPACE_PCI, .addr = 0x1f00020045ULL };
	reboot();
	assert_string_equal(wrote, "flush cf8=8000fa44 cfd=a5 cf9=2 ");
}

static void power_off_writes_the_sleep_type_then_enables(void **state)
{
	static const struct acpi_info info = {
		.pm1a_cnt = PM1A, .pm1b_cnt = PM1B, .has_s5 = true, .s5_typ_a = 5, .s5_typ_b = 2
	};

	(void)state;
	reset_init(&info, false);
	assert_non_null(machine_poweroff());
	assert_string_equal(wrote, "flush 604=1401 604=3401 704=800 704=2800 ");
}

static void power_off_asks_firmware_for_acpi_mode(void **state)
{
	static const struct acpi_info info = { .pm1a_cnt = PM1A,
					       .smi_cmd = 0xb2,
					       .acpi_enable = 0xf1,
					       .has_s5 = true,
					       .s5_typ_a = 7 };

	(void)state;
	reset_init(&info, false);
	pm1[0] = 0;
	assert_non_null(strstr(machine_poweroff(), "ACPI mode"));
	assert_string_equal(wrote, "flush b2=f1 ");
	firmware_enables_acpi = true;
	wrote[0] = '\0';
	machine_poweroff();
	assert_string_equal(wrote, "flush b2=f1 604=1c01 604=3c01 ");
}

static void power_off_says_what_is_missing(void **state)
{
	static struct acpi_info info;

	(void)state;
	reset_init(&info, false);
	assert_non_null(strstr(machine_poweroff(), "PM1a"));
	info.pm1a_cnt = PM1A;
	assert_non_null(strstr(machine_poweroff(), "\\_S5"));
}

static void debug_exit_comes_first_when_asked_for(void **state)
{
	static const struct acpi_info info = { .pm1a_cnt = PM1A, .has_s5 = true };

	(void)state;
	reset_init(&info, true);
	obeys = DEBUG_EXIT_PORT;
	if (setjmp(machine_gone) == 0)
		machine_poweroff();
	assert_string_equal(wrote, "flush f4=10 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reboot_asks_the_acpi_register_first, start),
		cmocka_unit_test_setup(reboot_tries_chipset_and_keyboard_when_acpi_is_silent,
				       start),
		cmocka_unit_test_setup(reset_register_may_lie_in_memory_or_pci_space, start),
		cmocka_unit_test_setup(power_off_writes_the_sleep_type_then_enables, start),
		cmocka_unit_test_setup(power_off_asks_firmware_for_acpi_mode, start),
		cmocka_unit_test_setup(power_off_says_what_is_missing, start),
		cmocka_unit_test_setup(debug_exit_comes_first_when_asked_for, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
