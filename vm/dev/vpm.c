/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * There is no SMM, so the machine is in ACPI mode from the start (SCI_EN is always set), and no
 * button or wake-up event: the PM timer's carry is the only status bit. Section titles in comments
 * are the ACPI specification's.
 */
#include "vm/dev/vpm.h"

#include <errno.h>

#include "arch/mem.h"
#include "arch/timer.h"
#include "arch/x86.h"
#include "vm/dev/vclock.h"
#include "vm/vm.h"

#define STS_TMR          BIT32(0)
#define EN_BITS          0x0721 /* timer, global, power and sleep button, RTC: they can be set */
#define CNT_SCI_EN       BIT32(0)
#define CNT_BITS         0x1c02 /* BM_RLD, SLP_TYP */
#define CNT_SLP_TYP(cnt) ((cnt) >> 10 & 7)
#define CNT_SLP_EN       BIT32(13)

/* The timer has 32 bits; the status bit is set when the highest one changes. */
#define CARRY_SHIFT 31
#define MIN_WAIT_NS 100000

struct vpm {
	struct vm *vm;
	struct vclock clock;
	struct timer timer;
	u64 start;    /* TSC of tick 0 */
	u64 carries;  /* that the guest has cleared */
	u64 deadline; /* 0 = the timer is not wanted */
	u16 enable, control;
	bool sci;
};

static u64 ticks(const struct vpm *s)
{
	return vclock_ticks(&s->clock, rdtsc() - s->start);
}

/* "PM1 Status Registers" */
static u32 status(const struct vpm *s)
{
	return ticks(s) >> CARRY_SHIFT != s->carries ? STS_TMR : 0;
}

/* The SCI follows status and enable bits; the timer runs when it could rise by itself. */
static void update(struct vpm *s)
{
	bool sci = status(s) & s->enable;
	u64 next = ((ticks(s) >> CARRY_SHIFT) + 1) << CARRY_SHIFT;

	if (sci != s->sci)
		vm_irq_set(s->vm, VPM_SCI, sci);
	s->sci = sci;
	s->deadline = 0;
	if (s->enable & STS_TMR && !sci) {
		/* Not much too early: the ratios of the clock are rounded. */
		s->deadline = MAX(s->start + vclock_cycles(&s->clock, next),
				  rdtsc() + ns_to_tsc(MIN_WAIT_NS));
		timer_set(&s->timer, s->deadline);
	}
}

static void expired(struct timer *t)
{
	struct vpm *s = container_of(t, struct vpm, timer);

	spin_lock(&s->vm->chipset_lock);
	if (s->deadline)
		update(s);
	spin_unlock(&s->vm->chipset_lock);
}

/* "PM1 Control Registers" */
static void write_control(struct vpm *s, u32 val)
{
	s->control = val & CNT_BITS;
	if (val & CNT_SLP_EN && CNT_SLP_TYP(val) == VPM_SLP_S5)
		vm_request_poweroff(s->vm, "ACPI power-off");
}

/* The aligned 32 bits at the port: status and enable, control, timer. */
static u32 word(const struct vpm *s, u32 off)
{
	switch (off) {
	case 0:
		return status(s) | (u32)s->enable << 16;
	case VPM_PM1_CNT - VPM_PM1_EVT:
		return s->control | CNT_SCI_EN;
	default:
		return (u32)ticks(s);
	}
}

static u32 pm_read(void *dev, u16 port, u8 size)
{
	struct vpm *s = dev;
	u32 off = port - VPM_PM1_EVT;

	if (likely(port == VPM_TIMER && size == 4))
		return (u32)ticks(s);
	return word(s, off & ~3U) >> (off & 3) * 8 & (u32)MASK(size * 8 - 1, 0);
}

static void pm_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vpm *s = dev;
	u32 off = port - VPM_PM1_EVT, shift = (off & 3) * 8;
	u32 mask = (u32)(MASK(size * 8 - 1, 0) << shift);

	val <<= shift;
	if (off < VPM_PM1_CNT - VPM_PM1_EVT) {
		if (val & mask & STS_TMR)
			s->carries = ticks(s) >> CARRY_SHIFT;
		s->enable = (u16)(((val & mask) | (word(s, 0) & ~mask)) >> 16 & EN_BITS);
		update(s);
	} else if (off < VPM_TIMER - VPM_PM1_EVT) {
		write_control(s, (val & mask) | (s->control & ~mask));
	}
}

int vpm_create(struct vm *vm)
{
	struct vpm *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	vm->pm = s;
	s->vm = vm;
	vclock_init(&s->clock, VPM_TIMER_HZ);
	timer_init(&s->timer, expired);
	return vm_pio_add(vm, VPM_PM1_EVT, VPM_TIMER + 4 - VPM_PM1_EVT, pm_read, pm_write, s);
}

void vpm_reset(struct vm *vm)
{
	struct vpm *s = vm->pm;

	vpm_quiesce(vm);
	s->start = rdtsc();
	s->carries = 0;
	s->enable = s->control = 0;
	s->sci = false;
}

void vpm_quiesce(struct vm *vm)
{
	vm->pm->deadline = 0;
	timer_cancel(&vm->pm->timer);
}

void vpm_destroy(struct vm *vm)
{
	if (vm->pm)
		kfree(vm->pm, sizeof(*vm->pm));
	vm->pm = NULL;
}
