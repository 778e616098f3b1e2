/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest writes a key to the selector port and reads that item byte by byte; past its end it
 * reads zeros. No DMA interface, and writes to the data port do nothing, as since QEMU 2.4.
 */
#include "vm/dev/vfwcfg.h"

#include <errno.h>
#include <string.h>

#include "arch/mem.h"
#include "vm/e820.h"
#include "vm/vm.h"

#define SELECTOR 0x510
#define DATA     0x511

enum {
	KEY_SIGNATURE = 0x0000,
	KEY_ID = 0x0001,
	KEY_RAM_SIZE = 0x0003,
	KEY_NB_CPUS = 0x0005,
	KEY_MAX_CPUS = 0x000f,
	KEY_FILE_DIR = 0x0019,
	KEY_FILE_E820 = 0x0020,
};

#define KEY_ITEM     0x3fff /* the bits above: write access, architecture-specific */
#define ID_TRADITION 1
#define FILE_NAME    "etc/e820"

/* "File Directory": big-endian. */
struct file {
	u32 size;
	u16 key;
	u16 reserved;
	char name[56];
} __packed;

struct file_dir {
	u32 count;
	struct file file[1];
} __packed;

struct vfwcfg {
	struct vm *vm;
	u32 size; /* of the selected item */
	u32 pos;

	union {
		u64 number;
		char text[8];
		struct file_dir dir;
		struct e820_entry e820[E820_MAX];
		u8 bytes[E820_MAX * sizeof(struct e820_entry)];
	} item; /* the selected one, as its bytes are read */
};

static void set_number(struct vfwcfg *s, u64 val, u32 size)
{
	s->item.number = val;
	s->size = size;
}

static void set_dir(struct vfwcfg *s)
{
	struct file_dir *dir = &s->item.dir;
	u32 nr = vm_e820(s->vm, s->item.e820, E820_MAX);

	memset(dir, 0, sizeof(*dir));
	dir->count = __builtin_bswap32(1);
	dir->file[0].size = __builtin_bswap32(nr * (u32)sizeof(struct e820_entry));
	dir->file[0].key = __builtin_bswap16(KEY_FILE_E820);
	memcpy(dir->file[0].name, FILE_NAME, sizeof(FILE_NAME));
	s->size = sizeof(*dir);
}

static void select(struct vfwcfg *s, u32 key)
{
	s->pos = 0;
	s->size = 0;
	switch (key) {
	case KEY_SIGNATURE:
		memcpy(s->item.text, "QEMU", 4);
		s->size = 4;
		break;
	case KEY_ID:
		set_number(s, ID_TRADITION, 4);
		break;
	case KEY_RAM_SIZE:
		set_number(s, s->vm->cfg.memory, 8);
		break;
	case KEY_NB_CPUS:
	case KEY_MAX_CPUS:
		set_number(s, s->vm->cfg.cpus, 2);
		break;
	case KEY_FILE_DIR:
		set_dir(s);
		break;
	case KEY_FILE_E820:
		s->size = vm_e820(s->vm, s->item.e820, E820_MAX) * (u32)sizeof(struct e820_entry);
		break;
	default:
		break;
	}
}

static u32 fwcfg_read(void *dev, u16 port, u8 size)
{
	struct vfwcfg *s = dev;
	u32 val = 0;

	if (port != DATA)
		return 0;
	for (u32 i = 0; i < size; i++, s->pos += s->pos < s->size)
		if (s->pos < s->size)
			val |= (u32)s->item.bytes[s->pos] << 8 * i;
	return val;
}

static void fwcfg_write(void *dev, u16 port, u8 size, u32 val)
{
	if (port == SELECTOR && size == 2)
		select(dev, val & KEY_ITEM);
}

int vfwcfg_create(struct vm *vm)
{
	struct vfwcfg *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	vm->fwcfg = s;
	s->vm = vm;
	return vm_pio_add(vm, SELECTOR, 2, fwcfg_read, fwcfg_write, s);
}

void vfwcfg_reset(struct vm *vm)
{
	select(vm->fwcfg, KEY_SIGNATURE);
}

void vfwcfg_destroy(struct vm *vm)
{
	if (vm->fwcfg)
		kfree(vm->fwcfg, sizeof(*vm->fwcfg));
	vm->fwcfg = NULL;
}
