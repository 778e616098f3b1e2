/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's local APIC, xAPIC or x2APIC. Source: AMD APM 2 "Advanced Programmable Interrupt
 * Controller (APIC)"; Intel SDM 3A "Advanced Programmable Interrupt Controller (APIC)".
 */
#pragma once

#include "lib/types.h"

/* Boot CPU: chooses the mode (x2APIC if the CPU has it and allow_x2apic) and maps the registers.
 * */
int lapic_init(bool allow_x2apic);
/* Every CPU: software enable, timer vector, all else masked. */
void lapic_enable(void);
u32 lapic_id(void);
void lapic_eoi(void);
void lapic_ipi(u32 apic_id, u8 vector);
void lapic_send_init(u32 apic_id);
void lapic_send_sipi(u32 apic_id, u8 page);
/* The CPU takes it with IF = 0, too. Its handler does nothing unless another CPU has panicked. */
void lapic_nmi(u32 apic_id);
/* NMI to all CPUs but this one. */
void lapic_nmi_others(void);
/* Arms the one-shot timer to fire at TSC deadline (in the past: at once). */
void lapic_timer_arm(u64 deadline_tsc);
void lapic_timer_stop(void);
bool lapic_is_x2apic(void);
/* Timer ticks (undivided) counted while the caller waits: for calibration. */
void lapic_timer_free_run(void);
u32 lapic_timer_count(void);
/* Timer frequency; set by tsc_calibrate(). */
void lapic_set_timer_khz(u64 khz);
