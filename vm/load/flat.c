/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flat binary goes to 0x7c00 as a whole and is entered at 0000:7c00 in real mode with DL = 0x80,
 * as a boot sector is; there is no BIOS below it. Its mark is the boot sector's: 55 aa at byte 510,
 * so that a damaged file of another format is refused instead of executed.
 */

#include "vm/load/flat.h"

#define ADDRESS    0x7c00
#define FIRST_DISK 0x80
#define SIGNATURE  510

bool flat_match(const struct load_file *f)
{
	return f->size >= SIGNATURE + 2 && get16(f->data + SIGNATURE) == 0xaa55;
}

int flat_load(struct load *l)
{
	if (!load_claim(l, ADDRESS, l->kernel.size))
		return load_fail(l, &l->kernel,
				 "flat binary of %llu KiB does not fit between 0x7c00 and 640 KiB",
				 (unsigned long long)(l->kernel.size / 1024));
	l->cpu.mode = BOOT_REAL;
	l->cpu.rip = ADDRESS;
	l->cpu.rdx = FIRST_DISK;
	return load_copy(l, ADDRESS, l->kernel.data, l->kernel.size);
}
