/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time is a number of seconds and the TSC at which the first of them began; registers are made
 * from it when they are read. Flags of register C are brought up to date when they are read too, so
 * a timer runs only for enabled interrupts. Section titles in comments are the MC146818A
 * datasheet's.
 */
#include "vm/dev/vrtc.h"

#include <errno.h>

#include "arch/mem.h"
#include "arch/timer.h"
#include "arch/x86.h"
#include "drivers/cmos.h"
#include "lib/date.h"
#include "vm/vm.h"

#define IRQ      8
#define RTC_HZ   32768
#define RAM_SIZE 128

enum {
	SECONDS = 0,
	SECONDS_ALARM = 1,
	MINUTES = 2,
	MINUTES_ALARM = 3,
	HOURS = 4,
	HOURS_ALARM = 5,
	WEEKDAY = 6,
	DAY = 7,
	MONTH = 8,
	YEAR = 9,
	REG_A = 10,
	REG_B = 11,
	REG_C = 12,
	REG_D = 13,
	CENTURY = 0x32, /* told by the FADT */
};

#define A_UIP      BIT32(7)
#define A_DV       0x70
#define A_DV_RESET 0x60 /* or 0x70: the divider stands still */
#define A_RATE     0x0f
#define B_SET      BIT32(7)
#define B_PIE      BIT32(6)
#define B_AIE      BIT32(5)
#define B_UIE      BIT32(4)
#define B_BINARY   BIT32(2)
#define B_24H      BIT32(1)
#define C_IRQF     BIT32(7) /* PF, AF, UF in the places of PIE, AIE, UIE */
#define D_VALID    BIT32(7)
#define HOUR_PM    0x80
#define ALARM_ANY  0xc0

/* "Update Cycle": UIP rises so long before an update. */
#define UIP_NS 244000

struct vrtc {
	struct vm *vm;
	u64 base;     /* seconds since 1970 ... */
	u64 base_at;  /* ... at this TSC */
	u64 seen;     /* flags are right up to this TSC */
	u64 deadline; /* 0 = the timer is not wanted */
	struct timer timer;
	u8 index;
	u8 ram[RAM_SIZE];
};

static u64 tsc_hz(void)
{
	return tsc_khz * 1000;
}

/* Seconds since 1970 at a TSC that is not before base_at. */
static u64 seconds_at(const struct vrtc *s, u64 tsc)
{
	return s->base + (tsc - s->base_at) / tsc_hz();
}

static u64 tsc_of(const struct vrtc *s, u64 seconds)
{
	return s->base_at + (seconds - s->base) * tsc_hz();
}

/* --- formats: "Time, Calendar, and Alarm Locations" ------------------------------------------- */

static u8 encode(const struct vrtc *s, u32 val)
{
	return (u8)(s->ram[REG_B] & B_BINARY ? val : (val / 10 % 10) << 4 | val % 10);
}

static u32 decode(const struct vrtc *s, u8 raw)
{
	return s->ram[REG_B] & B_BINARY ? raw : (raw >> 4) * 10U + (raw & 15);
}

static u8 encode_hour(const struct vrtc *s, u32 hour)
{
	if (s->ram[REG_B] & B_24H)
		return encode(s, hour);
	return (u8)(encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0));
}

static u32 decode_hour(const struct vrtc *s, u8 raw)
{
	if (s->ram[REG_B] & B_24H)
		return decode(s, raw);
	return decode(s, raw & 0x7f) % 12 + (raw & HOUR_PM ? 12 : 0);
}

/* The time at tsc into the registers. */
static void regs_from_time(struct vrtc *s, u64 tsc)
{
	struct date d;

	date_from_seconds(seconds_at(s, tsc), &d);
	s->ram[SECONDS] = encode(s, d.sec);
	s->ram[MINUTES] = encode(s, d.min);
	s->ram[HOURS] = encode_hour(s, d.hour);
	s->ram[WEEKDAY] = encode(s, d.weekday + 1U);
	s->ram[DAY] = encode(s, d.day);
	s->ram[MONTH] = encode(s, d.month);
	s->ram[YEAR] = encode(s, d.year % 100);
	s->ram[CENTURY] = encode(s, d.year / 100);
}

/* The time from the registers; the fraction of the second goes on. */
static void time_from_regs(struct vrtc *s, u64 tsc)
{
	struct date d = {
		.year = decode(s, s->ram[CENTURY]) * 100 + decode(s, s->ram[YEAR]),
		.month = (u8)decode(s, s->ram[MONTH]),
		.day = (u8)decode(s, s->ram[DAY]),
		.hour = (u8)decode_hour(s, s->ram[HOURS]),
		.min = (u8)decode(s, s->ram[MINUTES]),
		.sec = (u8)decode(s, s->ram[SECONDS]),
	};

	s->base_at = tsc - (tsc - s->base_at) % tsc_hz();
	s->base = date_to_seconds(&d);
}

/* --- events ----------------------------------------------------------------------------------- */

/* TSC cycles in a period; 0 = off. "Periodic Interrupt Rate" */
static u64 period(const struct vrtc *s)
{
	u32 rate = s->ram[REG_A] & A_RATE;

	if (rate == 0 || (s->ram[REG_A] & A_DV) >= A_DV_RESET)
		return 0;
	return BIT32(rate <= 2 ? rate + 6 : rate - 1) * tsc_hz() / RTC_HZ;
}

static u64 periods_at(const struct vrtc *s, u64 tsc)
{
	return (tsc - s->base_at) / period(s);
}

static bool alarm_field(const struct vrtc *s, u32 reg, u32 now)
{
	u8 raw = s->ram[reg];

	if (raw >= ALARM_ANY)
		return true;
	return now == (reg == HOURS_ALARM ? decode_hour(s, raw) : decode(s, raw));
}

/*
 * The first second from t on at which the alarm goes off, or 0 when no time of day matches. Skips
 * whole hours and minutes, so within a day it finds it in 24 + 60 + 60 steps, or once more around.
 */
static u64 next_alarm(const struct vrtc *s, u64 t)
{
	for (u32 i = 0; i < 300; i++) {
		if (!alarm_field(s, HOURS_ALARM, (u32)(t / 3600 % 24)))
			t += 3600 - t % 3600;
		else if (!alarm_field(s, MINUTES_ALARM, (u32)(t / 60 % 60)))
			t += 60 - t % 60;
		else if (!alarm_field(s, SECONDS_ALARM, (u32)(t % 60)))
			t++;
		else
			return t;
	}
	return 0;
}

/* Sets the flags of what happened since they were right last, and the line. */
static void update_flags(struct vrtc *s, u64 now)
{
	u64 alarm;

	if (period(s) && now > s->seen &&
	    periods_at(s, now) != periods_at(s, MAX(s->seen, s->base_at)))
		s->ram[REG_C] |= B_PIE;
	if (!(s->ram[REG_B] & B_SET) && now > s->seen &&
	    seconds_at(s, now) != seconds_at(s, MAX(s->seen, s->base_at))) {
		s->ram[REG_C] |= B_UIE;
		alarm = next_alarm(s, seconds_at(s, MAX(s->seen, s->base_at)) + 1);
		if (alarm && alarm <= seconds_at(s, now))
			s->ram[REG_C] |= B_AIE;
	}
	s->seen = now;
	if (s->ram[REG_C] & s->ram[REG_B] & (B_PIE | B_AIE | B_UIE)) {
		if (!(s->ram[REG_C] & C_IRQF))
			vm_irq_set(s->vm, IRQ, true);
		s->ram[REG_C] |= C_IRQF;
	} else if (s->ram[REG_C] & C_IRQF) {
		s->ram[REG_C] &= (u8)~C_IRQF;
		vm_irq_set(s->vm, IRQ, false);
	}
}

/* Arms the timer for the next event whose interrupt is enabled and whose flag is not set yet. */
static void arm(struct vrtc *s, u64 now)
{
	u8 want = s->ram[REG_B] & (u8)~s->ram[REG_C];
	u64 at = ~0ULL, alarm;

	if (want & B_PIE && period(s))
		at = s->base_at + (periods_at(s, now) + 1) * period(s);
	if (!(s->ram[REG_B] & B_SET) && want & B_UIE)
		at = MIN(at, tsc_of(s, seconds_at(s, now) + 1));
	if (!(s->ram[REG_B] & B_SET) && want & B_AIE) {
		alarm = next_alarm(s, seconds_at(s, now) + 1);
		if (alarm)
			at = MIN(at, tsc_of(s, alarm));
	}
	s->deadline = at == ~0ULL ? 0 : at;
	if (s->deadline)
		timer_set(&s->timer, at);
	else
		timer_cancel(&s->timer);
}

static void expired(struct timer *t)
{
	struct vrtc *s = container_of(t, struct vrtc, timer);
	u64 now = rdtsc();

	spin_lock(&s->vm->chipset_lock);
	if (s->deadline && now >= s->deadline) {
		update_flags(s, now);
		arm(s, now);
	}
	spin_unlock(&s->vm->chipset_lock);
}

/* --- ports ------------------------------------------------------------------------------------ */

static bool is_time(u32 reg)
{
	return reg == CENTURY ||
	       (reg <= YEAR && reg != SECONDS_ALARM && reg != MINUTES_ALARM && reg != HOURS_ALARM);
}

static u8 read_a(const struct vrtc *s, u64 now)
{
	u64 left = tsc_hz() - (now - s->base_at) % tsc_hz();
	bool uip = !(s->ram[REG_B] & B_SET) && left <= ns_to_tsc(UIP_NS);

	return (u8)(s->ram[REG_A] | (uip ? A_UIP : 0));
}

static u8 read_c(struct vrtc *s, u64 now)
{
	u8 val;

	update_flags(s, now);
	val = s->ram[REG_C];
	s->ram[REG_C] = 0;
	if (val & C_IRQF)
		vm_irq_set(s->vm, IRQ, false);
	arm(s, now);
	return val;
}

static void write_a(struct vrtc *s, u8 val, u64 now)
{
	u8 old = s->ram[REG_A];

	s->ram[REG_A] = val & (u8)~A_UIP;
	/* "Divider Control": the first update comes half a second after the divider is released. */
	if ((old & A_DV) >= A_DV_RESET && (val & A_DV) < A_DV_RESET && !(s->ram[REG_B] & B_SET)) {
		s->base = seconds_at(s, now);
		s->base_at = now - tsc_hz() / 2;
		s->seen = now;
	}
}

static void write_b(struct vrtc *s, u8 val, u64 now)
{
	u8 old = s->ram[REG_B];

	/*
	 * The registers keep what they hold when the format changes, so the time is read out of
	 * them with the new one.
	 */
	if (!(old & B_SET) && (val & B_SET || (old ^ val) & (B_BINARY | B_24H)))
		regs_from_time(s, now);
	s->ram[REG_B] = val;
	if (!(val & B_SET) && (old & B_SET || (old ^ val) & (B_BINARY | B_24H))) {
		time_from_regs(s, now);
		s->seen = now;
	}
}

static void write_reg(struct vrtc *s, u32 reg, u8 val)
{
	u64 now = rdtsc();
	bool running = !(s->ram[REG_B] & B_SET);

	update_flags(s, now);
	if (reg == REG_A) {
		write_a(s, val, now);
	} else if (reg == REG_B) {
		write_b(s, val, now);
	} else if (is_time(reg) && running) {
		regs_from_time(s, now);
		s->ram[reg] = val;
		time_from_regs(s, now);
		s->seen = now;
	} else if (reg != REG_C && reg != REG_D) {
		s->ram[reg] = val;
	}
	if (reg <= REG_B || reg == CENTURY) {
		update_flags(s, now);
		arm(s, now);
	}
}

static u8 read_reg(struct vrtc *s, u32 reg)
{
	u64 now = rdtsc();

	if (reg == REG_A)
		return read_a(s, now);
	if (reg == REG_C)
		return read_c(s, now);
	if (is_time(reg) && !(s->ram[REG_B] & B_SET))
		regs_from_time(s, now);
	return s->ram[reg];
}

static u32 rtc_read(void *dev, u16 port, u8 size)
{
	struct vrtc *s = dev;

	(void)size;
	return port & 1 ? read_reg(s, s->index) : 0xff;
}

/* Bit 7 of the index port disables NMIs on a PC; nothing here raises one by pin. */
static void rtc_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vrtc *s = dev;

	(void)size;
	if (port & 1)
		write_reg(s, s->index, (u8)val);
	else
		s->index = val & (RAM_SIZE - 1);
}

/* --- life ------------------------------------------------------------------------------------- */

static void put16(struct vrtc *s, u32 reg, u64 val)
{
	val = MIN(val, 0xffff);
	s->ram[reg] = (u8)val;
	s->ram[reg + 1] = (u8)(val >> 8);
}

/*
 * What firmware leaves in the memory. Source: Ralf Brown's Interrupt List, "CMOS Memory Map"; the
 * bytes from 0x34 on as QEMU and SeaBIOS use them.
 */
static void init_ram(struct vrtc *s)
{
	u64 ram = s->vm->cfg.memory, low = MIN(ram, VM_LOW_RAM_MAX), high = (ram - low) >> 16;

	s->ram[REG_A] = 0x26;
	s->ram[REG_B] = B_24H;
	s->ram[REG_D] = D_VALID;
	s->ram[0x14] = 0x02; /* equipment: an FPU, no diskette, no display */
	put16(s, 0x15, 640);
	put16(s, 0x17, (low - SZ_1M) >> 10);
	put16(s, 0x30, (low - SZ_1M) >> 10);
	put16(s, 0x34, low > 16 * SZ_1M ? (low - 16 * SZ_1M) >> 16 : 0);
	put16(s, 0x5b, high);
	s->ram[0x5d] = (u8)(high >> 16);
	s->ram[0x5f] = (u8)(s->vm->cfg.cpus - 1);
}

int vrtc_create(struct vm *vm)
{
	struct vrtc *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	vm->rtc = s;
	s->vm = vm;
	s->base = cmos_time();
	s->base_at = s->seen = rdtsc();
	timer_init(&s->timer, expired);
	init_ram(s);
	return vm_pio_add(vm, 0x70, 2, rtc_read, rtc_write, s);
}

void vrtc_reset(struct vm *vm)
{
	struct vrtc *s = vm->rtc;

	vrtc_quiesce(vm);
	/* "RESET Pin" */
	s->ram[REG_B] &= (u8) ~(B_PIE | B_AIE | B_UIE);
	s->ram[REG_C] = 0;
	if (s->ram[REG_B] & B_SET) /* a guest that died while it set the clock */
		write_b(s, s->ram[REG_B] & (u8)~B_SET, rdtsc());
	s->index = 0;
}

void vrtc_quiesce(struct vm *vm)
{
	vm->rtc->deadline = 0;
	timer_cancel(&vm->rtc->timer);
}

void vrtc_destroy(struct vm *vm)
{
	if (vm->rtc)
		kfree(vm->rtc, sizeof(*vm->rtc));
	vm->rtc = NULL;
}
