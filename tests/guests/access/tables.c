/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables. In every mode the low memory is mapped to itself for the supervisor, USER_VA shows
 * the code for CPL 3, and a third address, under test, has tables of its own at all levels but the
 * root, so that any entry there can be broken without harm. The low 30 bits of that address are the
 * frame's: pages of every size then lead to the same place.
 */

#include "tests/guests/access/access.h"

#include <string.h>

#include "tests/guests/lib/guest.h"

#define ALL       (PTE_P | PTE_W | PTE_U | PTE_A)
#define LOW_PAGES 4096U /* 4 KiB pages of low memory, where entries have 4 bytes */

u8 frame[PAGE_SIZE] __aligned(4096);
extern u8 access_stubs[], access_stubs_end[];

/* The path under test: [level - 1]. */
static u64 path[LEVELS_MAX][512] __aligned(4096);

static u32 root_32[1024] __aligned(4096), low_32[LOW_PAGES] __aligned(4096);
static u64 root_pae[4] __aligned(4096), low_pae[512] __aligned(4096);
static u64 root_4[512] __aligned(4096), root_5[512] __aligned(4096);
static u64 user_l3[512] __aligned(4096), user_l2[512] __aligned(4096);
static u64 user_table[512] __aligned(4096); /* maps USER_VA in all formats */
static u8 user_code[PAGE_SIZE] __aligned(4096);

static u64 addr(const void *p)
{
	return (u64)p;
}

static u32 shift(const struct mode *m, u32 level)
{
	return 12 + (m->entry_size == 4 ? 10 : 9) * (level - 1);
}

static u64 index_of(const struct mode *m, u32 level)
{
	u64 i = m->va >> shift(m, level);

	return m->entry_size == 4 ? i % 1024 : i % 512;
}

static u64 *root_of(const struct mode *m)
{
	if (m->levels == 5)
		return root_5;
	return m->levels == 4 ? root_4 : root_pae;
}

void *tables_slot(const struct mode *m, u32 level)
{
	bool root = level == m->levels;

	if (m->entry_size == 4)
		return (root ? root_32 : (u32 *)path[level - 1]) + index_of(m, level);
	return (root ? root_of(m) : path[level - 1]) + index_of(m, level);
}

u64 tables_address(const struct mode *m, u32 level, bool leaf)
{
	return leaf ? ALIGN_DOWN(addr(frame), BIT(shift(m, level))) : addr(path[level - 2]);
}

/* 32-bit paging, without large pages. */
static void build_32(struct mode *m)
{
	for (u32 i = 0; i < LOW_PAGES; i++)
		low_32[i] = i << 12 | (u32)(PTE_P | PTE_W);
	for (u32 i = 0; i < LOW_PAGES / 1024; i++)
		root_32[i] = (u32)addr(&low_32[i * 1024]) | (u32)ALL;
	root_32[USER_VA >> 22] = (u32)(addr(user_table) | ALL);
	m->va = 0x80000000 | addr(frame);
	m->cr3 = addr(root_32);
}

static void build_pae(struct mode *m)
{
	for (u64 i = 0; i < 16; i++)
		low_pae[i] = i * SZ_2M | PTE_P | PTE_W | PTE_PS;
	user_l2[0] = addr(user_table) | ALL;
	root_pae[0] = addr(low_pae) | PTE_P;
	root_pae[USER_VA / SZ_1G] = addr(user_l2) | PTE_P;
	/* the registers that hold the PDPTEs are loaded once */
	root_pae[2] = addr(path[1]) | PTE_P;
	m->va = 0x80000000 | addr(frame);
	m->cr3 = addr(root_pae);
}

/* The library's tables of low memory, but for the GiB of USER_VA. */
static void build_long(struct mode *m)
{
	memcpy(user_l3, page_l3, sizeof(user_l3));
	user_l2[0] = addr(user_table) | ALL;
	user_l3[USER_VA / SZ_1G] = addr(user_l2) | ALL;
	root_4[0] = addr(user_l3) | ALL;
	root_5[0] = addr(root_4) | ALL;
	m->va = 0xffULL << 56 | 0x1a3ULL << 48 | 0x95ULL << 39 | 0xc6ULL << 30 | addr(frame);
	if (m->levels == 4)
		m->va |= 0xffff8ULL << 44;
	m->cr3 = addr(root_of(m));
}

void tables_build(struct mode *m)
{
	memset(path, 0, sizeof(path));
	memcpy(user_code, access_stubs, (size_t)(access_stubs_end - access_stubs));
	/* as two words in the older format, whose second entry is then absent */
	user_table[0] = addr(user_code) | ALL;
	if (m->entry_size == 4)
		build_32(m);
	else if (m->long_mode)
		build_long(m);
	else
		build_pae(m);
}
