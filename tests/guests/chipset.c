/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chipset: the devices of a plain PC answer at their places and keep their time.
 *
 * Interrupt controllers: masks read back, an interrupt of the timer comes through the first one and
 * is in service until its end is signalled; the second one answers in cascade. I/O APIC: identity,
 * version, redirection entries keep what is written; an edge of the timer arrives as the vector of
 * its entry, and not while the entry is masked. Timer: the three channels latch and count down at
 * 1.193182 MHz, by the measure of the time-stamp counter; the speaker gate starts channel 2. Clock:
 * registers A to D, a sane date, the update flag, the periodic interrupt, memory bytes keep values.
 * Serial port: scratch and divisor registers, loop-back, the identity of a 16550A. The power
 * management timer of ACPI counts at 3.579545 MHz; the tables that name it have good checksums and
 * list this machine's processors. fw_cfg has its signature, PCI a host bridge, and a port that
 * nobody has reads ones.
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define IOAPIC   0xfec00000ULL
#define PMTMR_HZ 3579545ULL
#define PIT_HZ   1193182ULL

/* Within one part in den of each other. */
static bool near(u64 a, u64 b, u64 den)
{
	u64 diff = a > b ? a - b : b - a;

	return diff <= MAX(a, b) / den;
}

/* --- interrupt controllers -------------------------------------------------------------------- */

static void pit0_once(u16 count)
{
	outb(0x43, 0x30);
	outb(0x40, (u8)count);
	outb(0x40, (u8)(count >> 8));
}

static u8 isr_seen;

static void see_isr(struct frame *f)
{
	(void)f;
	outb(0x20, 0x0b);
	isr_seen = inb(0x20);
	outb(0x20, 0x20);
}

static void pic(void)
{
	u32 n = trap_count[0x20];
	u64 end;

	outb(0x21, 0xa5);
	outb(0xa1, 0x5a);
	check(inb(0x21) == 0xa5 && inb(0xa1) == 0x5a, "chipset.pic_masks", "0x%x 0x%x", inb(0x21),
	      inb(0xa1));
	outb(0xa1, 0xff);
	trap_set(0x20, see_isr);
	apic_write(APIC_LVT_LINT0, 0x700);
	outb(0x21, 0xfe);
	pit0_once(1000);
	check(trap_wait(0x20, n + 1), "chipset.pic_timer", "it did not come");
	check(isr_seen == 1, "chipset.pic_in_service", "ISR = 0x%x", isr_seen);
	outb(0x20, 0x0b);
	check(inb(0x20) == 0, "chipset.pic_end", "ISR = 0x%x", inb(0x20));
	outb(0x21, 0xff);
	pit0_once(1000);
	outb(0x20, 0x0a);
	end = rdtsc() + tsc_us(1000000);
	while (!(inb(0x20) & 1) && rdtsc() < end)
		;
	check(inb(0x20) & 1, "chipset.pic_request", "IRR = 0x%x", inb(0x20));
	sti_nop();
	check(trap_count[0x20] == n + 1, "chipset.pic_masked", "it came");
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	trap_set(0x20, NULL);
}

static u32 ioapic_read(u32 reg)
{
	*(volatile u32 *)at(IOAPIC) = reg;
	return *(volatile u32 *)at(IOAPIC + 0x10);
}

static void ioapic_write(u32 reg, u32 val)
{
	*(volatile u32 *)at(IOAPIC) = reg;
	*(volatile u32 *)at(IOAPIC + 0x10) = val;
}

/* The timer is on pin 2. */
static void ioapic(void)
{
	u32 version = ioapic_read(1), n = trap_count[0x61];

	check((version & 0xff) >= 0x11 && (version >> 16 & 0xff) == 23, "chipset.ioapic_version",
	      "0x%x", version);
	check(ioapic_read(0x10 + 2 * 5) & LVT_MASKED, "chipset.ioapic_masked_at_reset", "0x%x",
	      ioapic_read(0x10 + 2 * 5));
	ioapic_write(0x10 + 2 * 5, LVT_MASKED | 0xa000 | 0x77);
	ioapic_write(0x11 + 2 * 5, 0x0f000000);
	check(ioapic_read(0x10 + 2 * 5) == (LVT_MASKED | 0xa000 | 0x77) &&
		      ioapic_read(0x11 + 2 * 5) == 0x0f000000,
	      "chipset.ioapic_entry", "0x%x 0x%x", ioapic_read(0x10 + 2 * 5),
	      ioapic_read(0x11 + 2 * 5));
	ioapic_write(0x11 + 2 * 2, 0);
	ioapic_write(0x10 + 2 * 2, 0x61);
	pit0_once(1000);
	check(trap_wait(0x61, n + 1), "chipset.ioapic_timer", "it did not come");
	ioapic_write(0x10 + 2 * 2, LVT_MASKED | 0x61);
	pit0_once(1000);
	delay_us(2000);
	sti_nop();
	check(trap_count[0x61] == n + 1, "chipset.ioapic_masked", "%u came", trap_count[0x61] - n);
}

/* --- timers ----------------------------------------------------------------------------------- */

static u16 pit0_latch(void)
{
	u16 v;

	outb(0x43, 0);
	v = inb(0x40);
	return (u16)(v | inb(0x40) << 8);
}

/*
 * Ticks that a clock makes while the TSC counts so many cycles: a delay may take longer than asked.
 */
static u64 ticks_of(u64 hz, u64 tsc)
{
	return hz * tsc / tsc_us(1000000);
}

static void pit(void)
{
	u64 start, want;
	u16 a, b;

	outb(0x43, 0x34); /* rate generator, full period */
	outb(0x40, 0);
	outb(0x40, 0);
	delay_us(100);
	start = rdtsc();
	a = pit0_latch();
	delay_us(10000);
	b = pit0_latch();
	want = ticks_of(PIT_HZ, rdtsc() - start);
	check(near((u16)(a - b), want, 5), "chipset.pit_rate", "%u ticks, not %u", (u16)(a - b),
	      (u32)want);
	outb(0x43, 0xe2); /* read back the status of channel 0 */
	check((inb(0x40) & 0x3f) == 0x34, "chipset.pit_status", "not the mode that was set");
	outb(0x61, (u8)(inb(0x61) & ~1));
	outb(0x43, 0xb0);
	outb(0x42, 0);
	outb(0x42, 0x10);
	delay_us(6000);
	check_erratum(!(inb(0x61) & 0x20), "chipset.pit_gate_holds",
		      "channel 2 ran without its gate");
	outb(0x61, (u8)(inb(0x61) | 1));
	delay_us(8000);
	check(inb(0x61) & 0x20, "chipset.pit_gate_opens", "channel 2 did not end");
	outb(0x43, 0x30);
}

static u8 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static void cmos_set(u8 reg, u8 val)
{
	outb(0x70, reg);
	outb(0x71, val);
}

static void rtc(void)
{
	u32 n = trap_count[0x28];
	u8 a = cmos(0xa), second, old;
	u64 end;

	check((a & 0x7f) == 0x26, "chipset.rtc_a", "0x%x", a);
	check((cmos(0xb) & 0x82) == 0x02, "chipset.rtc_b", "0x%x", cmos(0xb));
	check(cmos(0xd) == 0x80, "chipset.rtc_power", "0x%x", cmos(0xd));
	check(cmos(8) >= 1 && cmos(8) <= 0x12 && cmos(7) >= 1 && cmos(7) <= 0x31 && cmos(4) <= 0x23,
	      "chipset.rtc_date", "month 0x%x day 0x%x hour 0x%x", cmos(8), cmos(7), cmos(4));
	second = cmos(0);
	end = rdtsc() + tsc_us(2500000);
	while (cmos(0) == second && rdtsc() < end)
		cpu_pause();
	check(cmos(0) != second, "chipset.rtc_runs", "the second stands at 0x%x", second);
	old = cmos(0x7e);
	cmos_set(0x7e, 0x5a);
	check(cmos(0x7e) == 0x5a, "chipset.rtc_memory", "0x%x", cmos(0x7e));
	cmos_set(0x7e, old);
	cmos(0xc);
	apic_write(APIC_LVT_LINT0, 0x700);
	outb(0x21, 0xfb);
	outb(0xa1, 0xfe);
	cmos_set(0xb, 0x42); /* periodic, 1024 Hz */
	for (u32 i = 1; i <= 3; i++) {
		bool came = trap_wait(0x28, n + i);

		if (i == 3 || !came) {
			check(came, "chipset.rtc_periodic", "%u came", trap_count[0x28] - n);
			break;
		}
		check(cmos(0xc) & 0x40, "chipset.rtc_flag", "register C has no periodic flag");
	}
	cmos_set(0xb, 0x02);
	cmos(0xc);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
}

/* --- serial port ------------------------------------------------------------------------------ */

/* In loop-back nothing can be printed: look first, judge afterwards. */
static void uart(void)
{
	u8 iir, modem, ready, got, divisor;

	outb(0x3ff, 0x5a);
	check(inb(0x3ff) == 0x5a, "chipset.uart_scratch", "0x%x", inb(0x3ff));
	outb(0x3fa, 0x01);
	iir = inb(0x3fa);
	check((iir & 0xc0) == 0xc0, "chipset.uart_fifo", "IIR = 0x%x", iir);
	while (!(inb(0x3fd) & 0x40))
		cpu_pause();
	outb(0x3fc, 0x1a); /* loop-back with RTS and OUT2 */
	modem = inb(0x3fe);
	outb(0x3f8, 'x');
	delay_us(2000);
	ready = inb(0x3fd);
	got = inb(0x3f8);
	outb(0x3fc, 0x03);
	outb(0x3fb, 0x83);
	outb(0x3f8, 0x0c);
	outb(0x3f9, 0x00);
	divisor = inb(0x3f8);
	outb(0x3f8, 1);
	outb(0x3fb, 0x03);
	check((modem & 0xf0) == 0x90, "chipset.uart_modem_loop", "MSR = 0x%x", modem);
	check(ready & 1 && got == 'x', "chipset.uart_loop", "LSR 0x%x, byte 0x%x", ready, got);
	check(divisor == 0x0c, "chipset.uart_divisor", "0x%x", divisor);
}

/* --- ACPI ------------------------------------------------------------------------------------- */

static u8 sum(const u8 *p, u32 len)
{
	u8 s = 0;

	for (u32 i = 0; i < len; i++)
		s = (u8)(s + p[i]);
	return s;
}

static u32 word(const u8 *p)
{
	u32 v;

	memcpy(&v, p, 4);
	return v;
}

static const u8 *find_rsdp(void)
{
	for (u64 a = 0xe0000; a < 0x100000; a += 16)
		if (!memcmp(at(a), "RSD PTR ", 8) && sum(at(a), 20) == 0)
			return at(a);
	return NULL;
}

/* The table with this signature in the RSDT, or NULL. */
static const u8 *acpi_table(const u8 *rsdt, const char *sig)
{
	for (u32 i = 36; i + 4 <= word(rsdt + 4); i += 4) {
		const u8 *t = at(word(rsdt + i));

		if (!memcmp(t, sig, 4))
			return t;
	}
	return NULL;
}

static u32 madt_cpus(const u8 *madt)
{
	u32 n = 0;

	for (u32 i = 44; i + 2 <= word(madt + 4) && madt[i + 1]; i += madt[i + 1])
		n += madt[i] == 0 && madt[i + 4] & 1;
	return n;
}

static void pm_timer(u16 port)
{
	u64 tsc = rdtsc(), want;
	u32 start = inl(port), ticks;

	delay_us(20000);
	ticks = (inl(port) - start) & 0xffffff;
	want = ticks_of(PMTMR_HZ, rdtsc() - tsc);
	check(near(ticks, want, 5), "chipset.pm_timer", "%u ticks at port 0x%x, not %u", ticks,
	      port, (u32)want);
}

static void acpi(void)
{
	const u8 *rsdp = find_rsdp(), *rsdt, *fadt, *madt, *dsdt;

	if (!check(rsdp != NULL, "chipset.acpi_rsdp", "not found"))
		return;
	rsdt = at(word(rsdp + 16));
	check(!memcmp(rsdt, "RSDT", 4) && sum(rsdt, word(rsdt + 4)) == 0, "chipset.acpi_rsdt",
	      "at %p", (const void *)rsdt);
	fadt = acpi_table(rsdt, "FACP");
	madt = acpi_table(rsdt, "APIC");
	if (!check(fadt && madt, "chipset.acpi_tables", "FADT %d MADT %d", fadt != NULL,
		   madt != NULL))
		return;
	dsdt = at(word(fadt + 40));
	check(sum(fadt, word(fadt + 4)) == 0 && sum(madt, word(madt + 4)) == 0 &&
		      !memcmp(dsdt, "DSDT", 4) && sum(dsdt, word(dsdt + 4)) == 0,
	      "chipset.acpi_checksums", "one is wrong");
	check(word(madt + 36) == APIC_PAGE, "chipset.acpi_lapic", "0x%x", word(madt + 36));
	check(madt_cpus(madt) == cpu_count(), "chipset.acpi_cpus", "%u, fw_cfg says %u",
	      madt_cpus(madt), cpu_count());
	pm_timer((u16)word(fadt + 76));
}

static void others(void)
{
	u32 sig = 0, id;

	outw(0x510, 0);
	for (u32 i = 0; i < 4; i++)
		sig |= (u32)inb(0x511) << 8 * i;
	if (runs_on(BARE_BOCHS))
		skip("chipset.fw_cfg", "Bochs has none");
	else
		check(sig == 0x554d4551, "chipset.fw_cfg", "signature 0x%x", sig); /* "QEMU" */
	outl(0xcf8, 0x80000000);
	id = inl(0xcfc);
	outl(0xcf8, 0x80000008);
	check(id != ~0U && inl(0xcfc) >> 16 == 0x0600, "chipset.pci_host_bridge",
	      "id 0x%x class 0x%x", id, inl(0xcfc) >> 16);
	outl(0xcf8, 0x8000f800);
	check(inl(0xcfc) == ~0U, "chipset.pci_absent", "0x%x", inl(0xcfc));
	check_known(BARE_BOCHS, inb(0x2e8) == 0xff && inl(0x5000) == ~0U, "chipset.absent_port",
		    "not all bits are set");
}

void guest_main(void)
{
	pic();
	ioapic();
	pit();
	rtc();
	uart();
	acpi();
	others();
}
