/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixed set of devices of every machine: interrupt controllers, timers, clock, UART, power
 * management, PCI host bridge, fw_cfg and the small ports. docs/devices.md lists ports and
 * decisions.
 */
#pragma once

#include "lib/types.h"

struct vm;

/* Creates all devices and claims their ports; vm->cfg is filled in. 0, -ENOMEM or an error of
 * vm_pio_add(); on failure nothing is left. The local APICs belong to their vCPUs: vlapic.h. */
int chipset_create(struct vm *vm) __must_check;
/* Power-on state. The clock keeps its time and CMOS memory. No vCPU of the VM runs; takes the
 * chipset lock. */
void chipset_reset(struct vm *vm);
/* Stops the timers and frees all; after chipset_quiesce() and with no vCPU left. */
void chipset_destroy(struct vm *vm);
/* Stops all timers of the devices: the machine was powered off or died. Takes the chipset lock. */
void chipset_quiesce(struct vm *vm);
