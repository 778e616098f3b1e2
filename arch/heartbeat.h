/* SPDX-License-Identifier: BSD-2-Clause */
/* An interrupt to every CPU, a hundred times a second, where CPUs may miss one. */
#pragma once

/*
 * QUIRK: QEMU TCG can forget an interrupt. Its VMRUN with V_IRQ reads, changes and writes back the
 * CPU's word of requests without a lock, and what another thread of the emulator (a timer, a
 * device, another CPU) notes there in between is lost. The vector then waits in IRR, whatever IF
 * and GIF are, until the local APIC has another one to announce: for ever, if the lost one was the
 * timer's or the serial line's. With this one it waits for 10 ms at most.
 *
 * Does nothing on other machines. After the last irq_override().
 */
void heartbeat_start(void);
