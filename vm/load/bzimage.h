/* SPDX-License-Identifier: BSD-2-Clause */
/* The Linux/x86 boot protocol. Source: Linux Documentation/arch/x86/boot.rst and zero-page.rst. */
#pragma once

#include "vm/load/load_priv.h"

struct bzimage {
	u16 version;      /* 0x020f = protocol 2.15 */
	u32 header_end;   /* the setup header is [0x1f1, header_end) of the file */
	const u8 *kernel; /* the protected-mode part */
	u64 kernel_size;
	bool entry64;
	u64 address;     /* where it is loaded */
	u64 run_size;    /* bytes that it needs there until it reads the memory map */
	u64 initrd_end;  /* the initrd must end at or below */
	u32 cmdline_max; /* without the NUL */
};

bool bzimage_match(const struct load_file *f);
/* Checks the header against the file: no guest memory is touched. */
int bzimage_parse(struct load *l, struct bzimage *b) __must_check;
int bzimage_load(struct load *l) __must_check;
