/* SPDX-License-Identifier: BSD-2-Clause */
/* Which format a kernel file has. */

#include "vm/load/bzimage.h"
#include "vm/load/elf.h"
#include "vm/load/flat.h"
#include "vm/load/load_priv.h"
#include "vm/load/multiboot1.h"
#include "vm/load/multiboot2.h"

int load_kernel(struct load *l)
{
	static const struct {
		bool (*match)(const struct load_file *f);
		int (*load)(struct load *l);
	} formats[] = {
		{ bzimage_match, bzimage_load }, /* has the boot sector's mark as well */
		{ multiboot2_match, multiboot2_load },
		{ multiboot1_match, multiboot1_load },
		{ flat_match, flat_load },
	};

	for (u32 i = 0; i < ARRAY_SIZE(formats); i++) {
		if (formats[i].match(&l->kernel))
			return formats[i].load(l);
	}
	if (elf_match(&l->kernel))
		return load_fail(l, &l->kernel, "ELF file without a multiboot header");
	return load_fail(l, &l->kernel,
			 "neither a Linux bzImage, nor a multiboot ELF file, nor a boot "
			 "sector with 55 aa at byte 510");
}
