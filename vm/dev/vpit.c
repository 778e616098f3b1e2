/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A channel's count is never stored: it follows from the TSC at which counting began. Section
 * titles in comments are the 8254 datasheet's.
 *
 * Ticks of channel 0 that the guest could not take in time are owed to it, up to MAX_OWED: as long
 * as it takes interrupts promptly they come at up to four times the programmed rate until none is
 * left. A guest that does not take them, or has the line masked, is owed nothing faster than its
 * own rate.
 */
#include "vm/dev/vpit.h"

#include <errno.h>

#include "arch/mem.h"
#include "arch/timer.h"
#include "arch/x86.h"
#include "vm/dev/vclock.h"
#include "vm/dev/virq.h"
#include "vm/vm.h"

#define PIT_HZ        1193182
#define IRQ           0
#define MAX_OWED      64
#define MIN_PERIOD_NS 20000 /* shorter ones would keep a CPU busy with host timers */

enum {
	RW_LATCH = 0,
	RW_LOW = 1,
	RW_HIGH = 2,
	RW_BOTH = 3,
};

/* Port 0x61. Source: IBM PC AT Technical Reference "System Board", port B. */
#define P61_GATE    BIT32(0)
#define P61_SPEAKER BIT32(1)
#define P61_REFRESH BIT32(4)
#define P61_OUT     BIT32(5)
#define P61_RW      0xf

struct channel {
	u64 start;    /* TSC of tick 0 while counting; periodic modes: of this period */
	u64 fraction; /* of a cycle that start lacks, in units of the clock's ratios */
	u64 done;     /* ticks while it stands still */
	u32 count;    /* 1..65536 */
	u32 next;     /* takes its place at the end of the period; 0 = none */
	u8 mode, rw;
	bool bcd, gate;
	bool loaded; /* a count was written since the control word */
	bool counting;
	bool rose;                  /* one-shot modes: the output's rise was accounted for */
	bool write_high, read_high; /* RW_BOTH: the second byte is due */
	u8 low;                     /* first byte written */
	u8 status;
	bool status_latched;
	u8 latched; /* bytes of latch still to be read */
	u16 latch;
};

struct vpit {
	struct vm *vm;
	struct channel ch[3];
	struct vclock clock;
	struct timer timer;
	u64 deadline; /* 0 = the timer is not wanted */
	u32 owed;
	bool out0; /* the line as it was set last */
	u8 port61;
};

static bool is_periodic(const struct channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

static bool needs_trigger(const struct channel *c)
{
	return c->mode == 1 || c->mode == 5;
}

static u64 elapsed(const struct vpit *s, const struct channel *c, u64 now)
{
	return c->done + (c->counting ? vclock_ticks(&s->clock, now - c->start) : 0);
}

static u64 period(const struct vpit *s, const struct channel *c)
{
	return vclock_cycles(&s->clock, c->count);
}

/* Without rounding, however many periods there are. */
static void advance(const struct vpit *s, struct channel *c, u64 periods)
{
	unsigned __int128 t = (unsigned __int128)s->clock.cycles_per_tick * c->count * periods;

	t += c->fraction;
	c->start += (u64)(t >> VCLOCK_SHIFT);
	c->fraction = (u64)t & MASK(VCLOCK_SHIFT - 1, 0);
}

/* Periodic modes: moves start to the period that now is in. A count written meanwhile takes over at
 * the end of a period. */
static void sync(struct vpit *s, struct channel *c, u64 now)
{
	u64 periods = 0, ended;

	if (!c->counting || !is_periodic(c) || now - c->start < period(s, c))
		return;
	if (c->next) {
		advance(s, c, 1);
		c->count = c->next;
		c->next = 0;
		periods = 1;
	}
	ended = (now - c->start) / period(s, c);
	advance(s, c, ended);
	periods += ended;
	if (c == &s->ch[0])
		s->owed = (u32)MIN(s->owed + periods, MAX_OWED);
}

/* "Mode Definitions": what the counting element holds. */
static u16 current(const struct vpit *s, const struct channel *c, u64 now)
{
	u32 modulus = c->bcd ? 10000 : 0x10000, v;
	u64 d = elapsed(s, c, now);

	if (c->mode == 2) {
		v = c->count - (u32)(d % c->count);
	} else if (c->mode == 3) {
		u32 phase = (u32)(d % c->count), half = (c->count + 1) / 2;

		v = (c->count & ~1U) - 2 * (phase < half ? phase : phase - half);
	} else {
		v = (c->count + modulus - (u32)(d % modulus)) % modulus;
	}
	v %= modulus;
	if (c->bcd)
		v = v / 1000 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
	return (u16)v;
}

static bool output(const struct vpit *s, const struct channel *c, u64 now)
{
	u64 d = elapsed(s, c, now);

	switch (c->mode) {
	case 0:
		return c->loaded && d >= c->count;
	case 1:
		return !c->counting || d >= c->count;
	case 2:
		return !c->counting || d % c->count != c->count - 1;
	case 3:
		return !c->counting || d % c->count < (c->count + 1) / 2;
	default:
		return !c->counting || d != c->count;
	}
}

/* --- channel 0 and its interrupt -------------------------------------------------------------- */

static void set_out0(struct vpit *s, bool level)
{
	if (s->out0 != level)
		vm_irq_set(s->vm, IRQ, level);
	s->out0 = level;
}

static void arm(struct vpit *s, u64 now, u64 at)
{
	u64 min = now + ns_to_tsc(MIN_PERIOD_NS);

	s->deadline = MAX(at, min);
	timer_set(&s->timer, s->deadline);
}

/* The timer for the next rise of channel 0's output, if there will be one. */
static void arm_next(struct vpit *s, u64 now, bool soon)
{
	struct channel *c = &s->ch[0];
	u64 at = c->start + period(s, c);

	if (!c->counting || c->rose) {
		timer_cancel(&s->timer);
		return;
	}
	if (soon)
		at = MIN(at, now + vclock_cycles(&s->clock, c->count / 4));
	arm(s, now, at);
}

/* After channel 0 was programmed. */
static void restart(struct vpit *s)
{
	u64 now = rdtsc();

	s->owed = 0;
	s->deadline = 0;
	set_out0(s, output(s, &s->ch[0], now));
	arm_next(s, now, false);
}

/* Gives the guest a tick that it is owed. True when another may follow soon. */
static bool tick(struct vpit *s)
{
	enum virq_result r;

	if (!s->owed)
		return false;
	s->out0 = true;
	r = virq_pulse(s->vm, IRQ);
	if (r == VIRQ_IGNORED)
		s->owed = 0;
	else if (r == VIRQ_DELIVERED)
		s->owed--;
	return r == VIRQ_DELIVERED && s->owed;
}

static void expired(struct timer *t)
{
	struct vpit *s = container_of(t, struct vpit, timer);
	struct channel *c = &s->ch[0];
	u64 now = rdtsc();

	spin_lock(&s->vm->chipset_lock);
	/* Another CPU may have reprogrammed the channel while this was on its way. */
	if (s->deadline && now >= s->deadline) {
		s->deadline = 0;
		if (is_periodic(c)) {
			sync(s, c, now);
		} else {
			s->owed = 1;
			c->rose = true;
		}
		arm_next(s, now, tick(s));
	}
	spin_unlock(&s->vm->chipset_lock);
}

/* --- programming ------------------------------------------------------------------------------ */

static void begin(struct channel *c, u64 now)
{
	c->start = now;
	c->done = 0;
	c->fraction = 0;
	c->counting = true;
	c->rose = false;
	c->next = 0;
}

static void freeze(struct vpit *s, struct channel *c, u64 now)
{
	c->done = elapsed(s, c, now);
	c->counting = false;
}

/* "GATE" in the mode definitions. Only channel 2 has one that moves. */
static void set_gate(struct vpit *s, struct channel *c, bool gate)
{
	u64 now = rdtsc();
	bool rising = gate && !c->gate;

	if (gate == c->gate)
		return;
	sync(s, c, now);
	c->gate = gate;
	if (!c->loaded)
		return;
	if (rising && (needs_trigger(c) || is_periodic(c))) {
		begin(c, now);
	} else if (rising) {
		c->start = now;
		c->counting = true;
	} else if (!needs_trigger(c)) {
		freeze(s, c, now);
	}
}

static void load(struct vpit *s, struct channel *c, u32 val)
{
	u64 now = rdtsc();

	if (c->bcd)
		val = (val >> 12 & 15) * 1000 + (val >> 8 & 15) * 100 + (val >> 4 & 15) * 10 +
		      (val & 15);
	if (!val)
		val = c->bcd ? 10000 : 0x10000;
	if (is_periodic(c) && c->counting) {
		c->next = val;
		return;
	}
	c->count = val;
	c->loaded = true;
	c->next = 0;
	c->done = 0;
	if (!needs_trigger(c) && c->gate)
		begin(c, now);
	if (c == &s->ch[0])
		restart(s);
}

static void write_count(struct vpit *s, struct channel *c, u8 val)
{
	sync(s, c, rdtsc());
	if (c->rw == RW_LOW) {
		load(s, c, val);
	} else if (c->rw == RW_HIGH) {
		load(s, c, (u32)val << 8);
	} else if (!c->write_high) {
		c->low = val;
		c->write_high = true;
		if (c->mode == 0) { /* "Mode 0": the first byte stops the count */
			c->loaded = c->counting = false;
			if (c == &s->ch[0])
				restart(s);
		}
	} else {
		c->write_high = false;
		load(s, c, (u32)val << 8 | c->low);
	}
}

static void latch_count(struct vpit *s, struct channel *c, u64 now)
{
	if (c->latched)
		return;
	c->latch = current(s, c, now);
	c->latched = c->rw == RW_BOTH ? 2 : 1;
}

static void latch_status(struct vpit *s, struct channel *c, u64 now)
{
	bool null = !c->loaded || c->next || (needs_trigger(c) && !c->counting);

	if (c->status_latched)
		return;
	c->status = (u8)(output(s, c, now) << 7 | null << 6 | c->rw << 4 | c->mode << 1 | c->bcd);
	c->status_latched = true;
}

/* "Read-Back Command" */
static void read_back(struct vpit *s, u8 val)
{
	u64 now = rdtsc();

	for (u32 i = 0; i < 3; i++) {
		struct channel *c = &s->ch[i];

		if (!(val & BIT32(i + 1)))
			continue;
		sync(s, c, now);
		if (!(val & BIT32(5)))
			latch_count(s, c, now);
		if (!(val & BIT32(4)))
			latch_status(s, c, now);
	}
}

/* "Control Word Format" */
static void write_control(struct vpit *s, u8 val)
{
	struct channel *c;
	u32 rw = val >> 4 & 3, mode = val >> 1 & 7;

	if (val >> 6 == 3) {
		read_back(s, val);
		return;
	}
	c = &s->ch[val >> 6];
	if (rw == RW_LATCH) {
		sync(s, c, rdtsc());
		latch_count(s, c, rdtsc());
		return;
	}
	*c = (struct channel){
		.rw = (u8)rw,
		.mode = (u8)(mode > 5 ? mode - 4 : mode),
		.bcd = val & 1,
		.gate = c->gate,
		.count = c->count,
	};
	if (c == &s->ch[0])
		restart(s);
}

static u8 read_count(struct vpit *s, struct channel *c)
{
	u64 now = rdtsc();
	bool high;
	u16 v;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	sync(s, c, now);
	high = c->rw == RW_HIGH || (c->rw == RW_BOTH && c->read_high);
	v = c->latched ? c->latch : current(s, c, now);
	if (c->latched)
		c->latched--;
	if (c->rw == RW_BOTH)
		c->read_high = !c->read_high;
	return (u8)(high ? v >> 8 : v);
}

static void pit_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vpit *s = dev;

	(void)size;
	if ((port & 3) == 3)
		write_control(s, (u8)val);
	else
		write_count(s, &s->ch[port & 3], (u8)val);
}

static u32 pit_read(void *dev, u16 port, u8 size)
{
	struct vpit *s = dev;

	(void)size;
	return (port & 3) == 3 ? 0xff : read_count(s, &s->ch[port & 3]);
}

static void p61_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vpit *s = dev;

	(void)port;
	(void)size;
	s->port61 = val & P61_RW;
	set_gate(s, &s->ch[2], val & P61_GATE);
}

static u32 p61_read(void *dev, u16 port, u8 size)
{
	struct vpit *s = dev;
	u64 now = rdtsc();
	u32 v = s->port61;

	(void)port;
	(void)size;
	sync(s, &s->ch[2], now);
	if (output(s, &s->ch[2], now))
		v |= P61_OUT;
	/* Memory refresh: channel 1 divides by 18, and its pulse flips the bit. */
	if (vclock_ticks(&s->clock, now) / 18 & 1)
		v |= P61_REFRESH;
	return v;
}

int vpit_create(struct vm *vm)
{
	struct vpit *s = kzalloc(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	vm->pit = s;
	s->vm = vm;
	vclock_init(&s->clock, PIT_HZ);
	timer_init(&s->timer, expired);
	err = vm_pio_add(vm, 0x40, 4, pit_read, pit_write, s);
	if (!err)
		err = vm_pio_add(vm, 0x61, 1, p61_read, p61_write, s);
	return err;
}

void vpit_reset(struct vm *vm)
{
	struct vpit *s = vm->pit;

	vpit_quiesce(vm);
	for (u32 i = 0; i < 3; i++)
		s->ch[i] = (struct channel){
			.mode = 3, .rw = RW_BOTH, .count = 0x10000, .gate = i != 2
		};
	s->owed = 0;
	s->out0 = false; /* the lines were reset too */
	s->port61 = 0;
}

void vpit_quiesce(struct vm *vm)
{
	vm->pit->deadline = 0;
	timer_cancel(&vm->pit->timer);
}

void vpit_destroy(struct vm *vm)
{
	if (vm->pit)
		kfree(vm->pit, sizeof(*vm->pit));
	vm->pit = NULL;
}
