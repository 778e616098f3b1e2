/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few ACPI facts that the hypervisor needs from the machine it runs on: processors, interrupt
 * controllers, PM timer, reset and power-off. Firmware tables are input like any other: every
 * length is checked and a broken table is left out.
 * Source: ACPI Specification 6.4, "ACPI Software Programming Model".
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#define ACPI_MAX_CPUS    256
#define ACPI_MAX_IOAPICS 16
#define ACPI_ISA_IRQS    16

struct acpi_cpu {
	u32 apic_id;
	bool usable; /* enabled, or can be brought online */
};

struct acpi_ioapic {
	hpa_t base;
	u32 gsi_base;
	u8 id;
};

/* Where an ISA interrupt arrives and how it signals. */
struct acpi_irq {
	u32 gsi;
	bool active_low;
	bool level;
};

enum acpi_space {
	ACPI_SPACE_MEMORY = 0,
	ACPI_SPACE_IO = 1,
	ACPI_SPACE_PCI = 2, /* bus 0: address = device << 32 | function << 16 | offset */
};

/* Generic Address Structure. */
struct acpi_reg {
	u8 space; /* enum acpi_space */
	u8 width; /* bits */
	u64 addr; /* 0 = absent */
};

struct acpi_info {
	hpa_t lapic_base;
	bool has_pic; /* a dual 8259 must be masked */
	u32 nr_cpus;
	struct acpi_cpu cpus[ACPI_MAX_CPUS];
	u32 nr_ioapics;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	struct acpi_irq isa[ACPI_ISA_IRQS];
	bool lint1_nmi; /* NMI arrives at LINT1 of every CPU (else LINT0) */
	bool lint_nmi;  /* NMI is wired to a LINT pin at all */

	struct acpi_reg reset; /* write reset_value there */
	u8 reset_value;
	u16 pm1a_cnt, pm1b_cnt; /* ports; 0 = absent */
	u16 smi_cmd;            /* port; 0 = always in ACPI mode */
	u8 acpi_enable;         /* value for smi_cmd */
	u16 pm_timer;           /* port; 0 = absent */
	bool pm_timer_32bit;
	bool has_s5;
	u8 s5_typ_a, s5_typ_b; /* SLP_TYP values of soft-off */
};

/* A view of len bytes of host physical memory, or NULL if it cannot be given. Stays valid. */
typedef const void *(*acpi_map_fn)(hpa_t addr, u64 len);

/*
 * Fills *info from the tables below the RSDP, of which the caller has rsdp_len bytes. Tables that
 * are missing or broken leave their part at its default (no CPUs, no reset register, ISA interrupts
 * one to one). -EINVAL when the RSDP or the root table is unusable; info then has the defaults.
 */
int acpi_parse(struct acpi_info *info, const void *rsdp, size_t rsdp_len,
	       acpi_map_fn map) __must_check;
