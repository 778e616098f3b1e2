/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSDP -> XSDT or RSDT -> MADT, FADT -> DSDT. Tables are read through byte offsets that have been
 * compared with the table's length; nothing here trusts an alignment.
 */

#include "drivers/acpi.h"

#include <errno.h>
#include <string.h>

#include "lib/fmt.h"

#define HEADER_LEN 36
#define TABLE_MAX  (4 * SZ_1M) /* larger lengths are nonsense */
#define TABLES_MAX 128

/* A mapped table, checksum verified. */
struct table {
	const u8 *p;
	u32 len;
};

static u64 get(const u8 *p, u32 size)
{
	u64 v = 0;

	for (u32 i = size; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* Field at off, or 0 when the table (of an older revision, perhaps) ends before it. */
static u64 field(const struct table *t, u32 off, u32 size)
{
	return off + size <= t->len ? get(t->p + off, size) : 0;
}

static bool map_table(acpi_map_fn map, u64 addr, struct table *t)
{
	const u8 *h = addr ? map(HPA(addr), HEADER_LEN) : NULL;
	u64 len = h ? get(h + 4, 4) : 0;

	if (len < HEADER_LEN || len > TABLE_MAX)
		return false;
	t->p = map(HPA(addr), len);
	t->len = (u32)len;
	return t->p && fmt_sum8(t->p, len) == 0;
}

static bool has_signature(const struct table *t, const char *sig)
{
	return memcmp(t->p, sig, 4) == 0;
}

/* --- MADT. Source: ACPI 6.4 "Multiple APIC Description Table (MADT)" -------------------------- */

static void madt_cpu(struct acpi_info *info, u32 apic_id, u32 flags)
{
	if (info->nr_cpus < ACPI_MAX_CPUS)
		info->cpus[info->nr_cpus++] = (struct acpi_cpu){ apic_id, (flags & 3) != 0 };
}

static void madt_ioapic(struct acpi_info *info, const u8 *e)
{
	if (info->nr_ioapics < ACPI_MAX_IOAPICS)
		info->ioapics[info->nr_ioapics++] = (struct acpi_ioapic){
			.id = e[2],
			.base = HPA(get(e + 4, 4)),
			.gsi_base = (u32)get(e + 8, 4),
		};
}

/* Polarity and trigger: 0 = as the bus does (ISA: high, edge), 1 = high/edge, 3 = low/level. */
static void madt_override(struct acpi_info *info, const u8 *e)
{
	u32 flags = (u32)get(e + 8, 2);

	if (e[2] == 0 && e[3] < ACPI_ISA_IRQS)
		info->isa[e[3]] = (struct acpi_irq){
			.gsi = (u32)get(e + 4, 4),
			.active_low = (flags & 3) == 3,
			.level = (flags >> 2 & 3) == 3,
		};
}

static void madt_entry(struct acpi_info *info, const u8 *e, u32 len)
{
	if (e[0] == 0 && len >= 8)
		madt_cpu(info, e[3], (u32)get(e + 4, 4));
	else if (e[0] == 1 && len >= 12)
		madt_ioapic(info, e);
	else if (e[0] == 2 && len >= 10)
		madt_override(info, e);
	else if (e[0] == 4 && len >= 6) {
		info->lint_nmi = true;
		info->lint1_nmi = e[5] == 1;
	} else if (e[0] == 5 && len >= 12)
		info->lapic_base = HPA(get(e + 4, 8));
	else if (e[0] == 9 && len >= 16)
		madt_cpu(info, (u32)get(e + 4, 4), (u32)get(e + 8, 4));
}

static void parse_madt(struct acpi_info *info, const struct table *t)
{
	u32 off = 44;

	if (t->len < off)
		return;
	info->lapic_base = HPA(field(t, 36, 4));
	info->has_pic = field(t, 40, 4) & 1;
	while (off + 2 <= t->len) {
		u32 len = t->p[off + 1];

		if (len < 2 || off + len > t->len)
			return;
		madt_entry(info, t->p + off, len);
		off += len;
	}
}

/* --- DSDT: the package \_S5. Source: ACPI 6.4 "AML Byte Stream Byte Values" ------------------- */

enum {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_PACKAGE = 0x12,
	AML_ROOT = '\\',
};

/* Reads a constant at *off; only its low byte matters. */
static bool aml_const(const struct table *t, u32 *off, u8 *val)
{
	u8 op = (u8)field(t, *off, 1);
	u32 size = op == AML_BYTE ? 1 : op == AML_WORD ? 2 : op == AML_DWORD ? 4 : 0;

	if (size == 0 && op != AML_ZERO && op != AML_ONE)
		return false;
	if (*off + 1 + size > t->len)
		return false;
	*val = size == 0 ? op : t->p[*off + 1];
	*off += 1 + size;
	return true;
}

/* off: behind the name. PackageOp, package length of 1 to 4 bytes, element count, elements. */
static bool s5_package(struct acpi_info *info, const struct table *t, u32 off)
{
	u8 a, b;

	if (field(t, off, 1) != AML_PACKAGE || off + 3 > t->len)
		return false;
	off += 2U + (t->p[off + 1] >> 6);
	if (field(t, off, 1) < 2)
		return false;
	off++;
	if (!aml_const(t, &off, &a) || !aml_const(t, &off, &b))
		return false;
	info->s5_typ_a = a & 7;
	info->s5_typ_b = b & 7;
	return true;
}

/* The name may be written \_S5_ or, in the root scope, _S5_. */
static bool name_op_before(const struct table *t, u32 off)
{
	if (t->p[off - 1] == AML_NAME)
		return true;
	return t->p[off - 1] == AML_ROOT && t->p[off - 2] == AML_NAME;
}

static void scan_s5(struct acpi_info *info, const struct table *t)
{
	for (u32 off = HEADER_LEN + 1; !info->has_s5 && off + 4 <= t->len; off++)
		if (memcmp(t->p + off, "_S5_", 4) == 0 && name_op_before(t, off))
			info->has_s5 = s5_package(info, t, off + 4);
}

/* --- FADT. Source: ACPI 6.4 "Fixed ACPI Description Table (FADT)" ----------------------------- */

#define FADT_RESET_SUP BIT32(10)
#define FADT_TMR_EXT   BIT32(8)

/*
 * A port from its 32-bit field or, if that is empty, from the Generic Address Structure at x_off.
 */
static u16 port(const struct table *t, u32 off, u32 x_off)
{
	u64 v = field(t, off, 4);

	if (v == 0 && x_off && field(t, x_off, 1) == ACPI_SPACE_IO)
		v = field(t, x_off + 4, 8);
	return v <= 0xffff ? (u16)v : 0;
}

static void parse_fadt(struct acpi_info *info, const struct table *t, acpi_map_fn map)
{
	u32 flags = (u32)field(t, 112, 4);
	u64 x_dsdt = field(t, 140, 8);
	struct table dsdt;

	info->smi_cmd = port(t, 48, 0);
	info->acpi_enable = (u8)field(t, 52, 1);
	info->pm1a_cnt = port(t, 64, 172);
	info->pm1b_cnt = port(t, 68, 184);
	info->pm_timer = port(t, 76, 208);
	info->pm_timer_32bit = flags & FADT_TMR_EXT;
	if (flags & FADT_RESET_SUP) {
		info->reset = (struct acpi_reg){ .space = (u8)field(t, 116, 1),
						 .width = (u8)field(t, 117, 1),
						 .addr = field(t, 120, 8) };
		info->reset_value = (u8)field(t, 128, 1);
	}
	if (map_table(map, x_dsdt ? x_dsdt : field(t, 40, 4), &dsdt) &&
	    has_signature(&dsdt, "DSDT"))
		scan_s5(info, &dsdt);
}

/* --- root ------------------------------------------------------------------------------------- */

/* The root table: XSDT with 8-byte addresses where the RSDP has one that works, else RSDT. */
static bool find_root(const u8 *rsdp, size_t len, acpi_map_fn map, struct table *root, u32 *size)
{
	if (len < 20 || memcmp(rsdp, "RSD PTR ", 8) != 0 || fmt_sum8(rsdp, 20) != 0)
		return false;
	*size = 8;
	if (rsdp[15] >= 2 && len >= 36 && fmt_sum8(rsdp, 36) == 0 &&
	    map_table(map, get(rsdp + 24, 8), root) && has_signature(root, "XSDT"))
		return true;
	*size = 4;
	return map_table(map, get(rsdp + 16, 4), root) && has_signature(root, "RSDT");
}

static void set_defaults(struct acpi_info *info)
{
	memset(info, 0, sizeof(*info));
	info->lapic_base = HPA(0xfee00000);
	info->has_pic = true;
	for (u32 i = 0; i < ACPI_ISA_IRQS; i++)
		info->isa[i].gsi = i;
}

int acpi_parse(struct acpi_info *info, const void *rsdp, size_t rsdp_len, acpi_map_fn map)
{
	struct table root, t;
	u32 size, nr;

	set_defaults(info);
	if (!find_root(rsdp, rsdp_len, map, &root, &size))
		return -EINVAL;
	nr = MIN((root.len - HEADER_LEN) / size, (u32)TABLES_MAX);
	for (u32 i = 0; i < nr; i++) {
		if (!map_table(map, get(root.p + HEADER_LEN + i * size, size), &t))
			continue;
		if (has_signature(&t, "APIC"))
			parse_madt(info, &t);
		else if (has_signature(&t, "FACP"))
			parse_fadt(info, &t, map);
		else if (has_signature(&t, "SSDT"))
			scan_s5(info, &t);
	}
	return 0;
}
