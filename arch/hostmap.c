/* SPDX-License-Identifier: BSD-2-Clause */
/* Source: AMD APM 2 "Long-Mode Page Translation". */
#include "arch/hostmap.h"

#include <errno.h>

#include "lib/bug.h"

#include "arch/cpufeat.h"
#include "arch/frames.h"
#include "arch/mem.h"
#include "arch/regs.h"
#include "arch/spinlock.h"

#define PTE_P   BIT(0)
#define PTE_W   BIT(1)
#define PTE_PWT BIT(3)
#define PTE_PCD BIT(4)
#define PTE_A   BIT(5)
#define PTE_D   BIT(6)
#define PTE_PS  BIT(7)
#define PTE_G   BIT(8)
#define PTE_NX  BIT(63)
#define PTE_PA  MASK(51, 12)

#define MMIO_REGION  0xffffc00000000000ULL
#define STACK_REGION 0xffffd00000000000ULL

extern char image_start[], text_end[], rodata_end[], data_end[], boot_stack_guard[], image_end[];

static struct {
	struct spinlock lock;
	u64 *root;
	u64 direct_end; /* bytes of physical memory in the direct map */
	u64 mmio_next, stack_next;
	void *free_stacks; /* each freed stack's first word links to the next */
} hm = { .lock = SPINLOCK(RANK_HOSTMAP), .mmio_next = MMIO_REGION, .stack_next = STACK_REGION };

static const u64 prot_bits[] = {
	[HM_RO] = PTE_P | PTE_A | PTE_G | PTE_NX,
	[HM_RW] = PTE_P | PTE_W | PTE_A | PTE_D | PTE_G | PTE_NX,
	[HM_RX] = PTE_P | PTE_A | PTE_G,
	[HM_UC] = PTE_P | PTE_W | PTE_A | PTE_D | PTE_G | PTE_NX | PTE_PCD | PTE_PWT,
};

static void *table_alloc(void)
{
	/* Below 4 GiB: until hostmap_init() is done nothing else is mapped. */
	void *t = frames_alloc(1, 1, SZ_4G);

	if (t)
		frames_zero(t, 1);
	return t;
}

/* The entry for va at level (1 = 4 KiB), making tables on the way. NULL: out of frames. */
static u64 *entry_at(u64 va, int level)
{
	u64 *t = hm.root;

	for (int l = 4; l > level; l--) {
		u64 *e = &t[(va >> (12 + 9 * (l - 1))) & 511];

		if (!(*e & PTE_P)) {
			void *n = table_alloc();

			if (!n)
				return NULL;
			*e = ptr_hpa(n).v | PTE_P | PTE_W | PTE_A;
		}
		t = hpa_ptr(HPA(*e & PTE_PA));
	}
	return &t[(va >> (12 + 9 * (level - 1))) & 511];
}

static int best_level(u64 va, u64 pa, u64 size)
{
	if (cpu_has(CPU_1G) && IS_ALIGNED(va | pa, SZ_1G) && size >= SZ_1G)
		return 3;
	return IS_ALIGNED(va | pa, SZ_2M) && size >= SZ_2M ? 2 : 1;
}

int hostmap_map(u64 va, hpa_t pa, u64 size, enum hostmap_prot prot)
{
	int rc = 0;

	spin_lock(&hm.lock);
	while (size) {
		int level = best_level(va, pa.v, size);
		u64 step = 1ULL << (12 + 9 * (level - 1)), *e = entry_at(va, level);

		if (!e) {
			rc = -ENOMEM;
			break;
		}
		*e = pa.v | prot_bits[prot] | (level > 1 ? PTE_PS : 0);
		va += step;
		pa.v += step;
		size -= MIN(step, size);
	}
	spin_unlock(&hm.lock);
	return rc;
}

static void map_image(const char *from, const char *to, enum hostmap_prot prot)
{
	u64 size = ALIGN_UP((u64)to, PAGE_SIZE) - (u64)from;

	/* 4 KiB steps: sections are small and W^X must be exact. */
	for (u64 off = 0; off < size; off += PAGE_SIZE)
		BUG_ON(hostmap_map((u64)from + off, HPA((u64)from + off - IMAGE_BASE), PAGE_SIZE,
				   prot));
}

void hostmap_init(u64 ram_end)
{
	hm.root = table_alloc();
	hm.direct_end = ALIGN_UP(ram_end, SZ_2M);
	BUG_ON(!hm.root); /* the first frame of an empty machine */
	map_image(image_start, text_end, HM_RX);
	map_image(text_end, rodata_end, HM_RO);
	map_image(rodata_end, boot_stack_guard, HM_RW);
	map_image(boot_stack_guard + PAGE_SIZE, image_end, HM_RW);
	/* 8 bytes per 2 MiB of RAM, out of RAM that is all free */
	BUG_ON(hostmap_map(DIRECT_MAP, HPA(0), hm.direct_end, HM_RW));
	write_cr3(hostmap_cr3().v);
}

hpa_t hostmap_cr3(void)
{
	return ptr_hpa(hm.root);
}

const void *phys_map(hpa_t base, u64 size)
{
	u64 first = ALIGN_DOWN(base.v, PAGE_SIZE), end = ALIGN_UP(base.v + size, PAGE_SIZE);

	if (base.v + size < base.v || end > BIT(46))
		return NULL;
	for (u64 pa = MAX(first, hm.direct_end); pa < end; pa += PAGE_SIZE)
		if (hostmap_map(DIRECT_MAP + pa, HPA(pa), PAGE_SIZE, HM_RO))
			return NULL;
	return hpa_ptr(base);
}

volatile void *mmio_map(hpa_t base, u64 size_bytes)
{
	u64 first = ALIGN_DOWN(base.v, PAGE_SIZE),
	    size = ALIGN_UP(base.v + size_bytes, PAGE_SIZE) - first;
	u64 va = __atomic_fetch_add(&hm.mmio_next, size, __ATOMIC_RELAXED);

	if (hostmap_map(va, HPA(first), size, HM_UC))
		return NULL;
	return (volatile void *)(va + (base.v - first));
}

/* A freed stack keeps its mapping and waits for the next owner: no TLB shootdown is ever needed.
 * */
static void *stack_reuse(void)
{
	void **s;

	spin_lock(&hm.lock);
	s = hm.free_stacks;
	if (s)
		hm.free_stacks = *s;
	spin_unlock(&hm.lock);
	return s;
}

void *stack_alloc(void)
{
	void *s = stack_reuse();
	u64 va;

	if (s)
		return s;
	va = __atomic_fetch_add(&hm.stack_next, STACK_SIZE + PAGE_SIZE, __ATOMIC_RELAXED) +
	     PAGE_SIZE;
	for (u64 off = 0; off < STACK_SIZE; off += PAGE_SIZE) {
		void *f = frame_alloc();

		if (!f || hostmap_map(va + off, ptr_hpa(f), PAGE_SIZE, HM_RW))
			return NULL;
	}
	return (void *)va;
}

void stack_free(void *stack)
{
	spin_lock(&hm.lock);
	*(void **)stack = hm.free_stacks;
	hm.free_stacks = stack;
	spin_unlock(&hm.lock);
}

int hostmap_trampoline(hpa_t page, bool map)
{
	u64 *e = entry_at(page.v, 1);

	if (!e)
		return -ENOMEM;
	/* Global entries survive a CR3 load, so this one is not global. */
	*e = map ? page.v | PTE_P | PTE_W | PTE_A | PTE_D : 0;
	invlpg((void *)page.v);
	return 0;
}
