/* SPDX-License-Identifier: BSD-2-Clause */
/* Layout of the tables that a guest gets. Source: ACPI specification 6.3 "ACPI Software Programming
 * Model"; field names follow it where they are short. */
#pragma once

#include "lib/types.h"

struct acpi_rsdp {
	char signature[8];
	u8 checksum; /* of the first 20 bytes */
	char oem_id[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 checksum_all;
	u8 reserved[3];
} __packed;

/* What every table but RSDP and FACS begins with. */
struct acpi_table {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} __packed;

struct acpi_rsdt {
	struct acpi_table header;
	u32 entry[2];
} __packed;

struct acpi_xsdt {
	struct acpi_table header;
	u64 entry[2];
} __packed;

struct acpi_facs {
	char signature[4];
	u32 length;
	u32 hardware_signature;
	u32 waking_vector;
	u32 global_lock;
	u32 flags;
	u64 x_waking_vector;
	u8 version;
	u8 reserved[31];
} __packed;

/* Generic address structure. */
#define ACPI_SPACE_IO 1

struct acpi_gas {
	u8 space;
	u8 bits;
	u8 offset;
	u8 access; /* 1 = byte, 2 = word, 3 = dword */
	u64 address;
} __packed;

#define FADT_LEGACY_DEVICES BIT32(0) /* boot_arch */
#define FADT_NO_VGA         BIT32(2)

#define FADT_WBINVD        BIT32(0) /* flags */
#define FADT_PROC_C1       BIT32(2)
#define FADT_NO_PWR_BUTTON BIT32(4)
#define FADT_NO_SLP_BUTTON BIT32(5)
#define FADT_NO_FIXED_RTC  BIT32(6)
#define FADT_TIMER_32      BIT32(8)
#define FADT_RESET         BIT32(10)

struct acpi_fadt {
	struct acpi_table header;
	u32 facs;
	u32 dsdt;
	u8 reserved0;
	u8 profile;
	u16 sci;
	u32 smi_cmd;
	u8 acpi_enable, acpi_disable, s4bios, pstate_cnt;
	u32 pm1a_evt, pm1b_evt;
	u32 pm1a_cnt, pm1b_cnt;
	u32 pm2_cnt, pm_timer;
	u32 gpe0, gpe1;
	u8 pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_timer_len;
	u8 gpe0_len, gpe1_len, gpe1_base;
	u8 cst_cnt;
	u16 c2_latency, c3_latency;
	u16 flush_size, flush_stride;
	u8 duty_offset, duty_width;
	u8 day_alarm, month_alarm, century;
	u16 boot_arch;
	u8 reserved1;
	u32 flags;
	struct acpi_gas reset;
	u8 reset_value;
	u8 reserved2[3];
	u64 x_facs;
	u64 x_dsdt;
	struct acpi_gas x_pm1a_evt, x_pm1b_evt;
	struct acpi_gas x_pm1a_cnt, x_pm1b_cnt;
	struct acpi_gas x_pm2_cnt, x_pm_timer;
	struct acpi_gas x_gpe0, x_gpe1;
} __packed;

_Static_assert(sizeof(struct acpi_rsdp) == 36, "RSDP of ACPI 2.0");
_Static_assert(sizeof(struct acpi_table) == 36, "table header");
_Static_assert(sizeof(struct acpi_facs) == 64, "FACS");
_Static_assert(sizeof(struct acpi_fadt) == 244, "FADT revision 3");

#define MADT_PCAT_COMPAT 1 /* there are 8259s too */

struct acpi_madt {
	struct acpi_table header;
	u32 lapic_address;
	u32 flags;
} __packed;

struct madt_lapic {
	u8 type; /* 0 */
	u8 length;
	u8 processor;
	u8 apic_id;
	u32 flags; /* 1 = enabled */
} __packed;

struct madt_ioapic {
	u8 type; /* 1 */
	u8 length;
	u8 id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
} __packed;

#define MADT_HIGH  1 /* flags of an override; 0 = as the bus does */
#define MADT_LEVEL (3 << 2)

struct madt_override {
	u8 type; /* 2 */
	u8 length;
	u8 bus; /* 0 = ISA */
	u8 irq;
	u32 gsi;
	u16 flags;
} __packed;

struct madt_lapic_nmi {
	u8 type; /* 4 */
	u8 length;
	u8 cpu; /* 0xff = all */
	u16 flags;
	u8 lint;
} __packed;
