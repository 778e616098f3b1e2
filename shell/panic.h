/* SPDX-License-Identifier: BSD-2-Clause */
/* The prompt after a panic: one CPU, no interrupts, polled console. */
#pragma once

/* Registers the prompt with arch/panic.h. */
void shell_panic_init(void);
