/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_paging: what operations on page tables cost.
 *
 * Each operation is a loop of ROUNDS, written in assembly, so that its own instructions are known:
 * the number stands beside each. The time of the whole loop is divided by ROUNDS; that is done
 * BATCHES times, after one time to warm up. Where a page can be touched first only once, each
 * batch has a table of its own, which the shadow does not have yet either. Under QEMU's -icount
 * shift=0 with one CPU the unit is the executed instruction.
 *
 * "only=NAME" at the end of the command line does one of them only, so that the hypervisor's
 * counters speak of that one; "wait" waits for a key first, so that somebody can get ready to look.
 *
 *	cr3_reload_0/8/32	the same CR3 again, then that many pages read		3, 11, 133
 *	cr3_switch		to another address space and back			4
 *	invlpg			of a page that is mapped				3
 *	remap			an entry gets another frame, INVLPG, a read		11
 *	demand_fault		a read faults, the handler maps the page		13
 *	first_touch		of a page that is mapped				4
 *	cr0_wp, cr4_pge		the bit off and on again				4
 */

#include <string.h>

#include "tests/guests/lib/guest.h"
#include "tests/guests/lib/samples.h"

#define ROUNDS  512
#define BATCHES 16
#define PF      14

#define COM1      0x3f8
#define LSR       5
#define LSR_READY 0x01

/* Our own addresses: the second 512 GiB. Tables lie in the order of the addresses they map. */
#define REGION     (1ULL << 39)
#define TABLE_SPAN 0x200000ULL
#define FRAMES     0x4000000ULL /* memory that nobody uses: 64 MiB to 98 MiB */
#define MAPPED     (ENTRY_P | ENTRY_W)
#define ENTRY_P    1ULL
#define ENTRY_W    2ULL

static u64 root_b[512] __aligned(4096);
static u64 l3[512] __aligned(4096), l2[512] __aligned(4096);
/* One of a few pages in use, one for each batch of the two operations that use tables up. */
static u64 tables[1 + 2 * (BATCHES + 1)][512] __aligned(4096);
static u64 samples[BATCHES];

struct batch {
	u64 page;   /* address to work on */
	u64 *entry; /* that maps it */
};

static u64 cr3_a, cr3_b;

static void touch(u64 page)
{
	(void)*(volatile u8 *)at(page);
}

/* --- operations: ROUNDS times each ------------------------------------------------------------ */

static void reload_0(struct batch *b)
{
	u32 n = ROUNDS;

	(void)b;
	__asm__ volatile("1: mov %1, %%cr3; dec %0; jnz 1b" : "+r"(n) : "r"(cr3_a) : "memory");
}

static void reload_8(struct batch *b)
{
	u32 n = ROUNDS;

	__asm__ volatile("1: mov %1, %%cr3\n"
			 "	mov (%2), %%al; mov 0x1000(%2), %%al\n"
			 "	mov 0x2000(%2), %%al; mov 0x3000(%2), %%al\n"
			 "	mov 0x4000(%2), %%al; mov 0x5000(%2), %%al\n"
			 "	mov 0x6000(%2), %%al; mov 0x7000(%2), %%al\n"
			 "	dec %0; jnz 1b"
			 : "+r"(n)
			 : "r"(cr3_a), "r"(b->page)
			 : "memory", "rax");
}

static void reload_32(struct batch *b)
{
	u32 n = ROUNDS;

	__asm__ volatile("1: mov %1, %%cr3\n"
			 "	mov %2, %%rdx; mov $32, %%ecx\n"
			 "2: mov (%%rdx), %%al; add $0x1000, %%rdx; dec %%ecx; jnz 2b\n"
			 "	dec %0; jnz 1b"
			 : "+r"(n)
			 : "r"(cr3_a), "r"(b->page)
			 : "memory", "rax", "rcx", "rdx");
}

static void switch_pair(struct batch *b)
{
	u32 n = ROUNDS;

	(void)b;
	__asm__ volatile("1: mov %1, %%cr3; mov %2, %%cr3; dec %0; jnz 1b"
			 : "+r"(n)
			 : "r"(cr3_b), "r"(cr3_a)
			 : "memory");
}

static void flush_page(struct batch *b)
{
	u32 n = ROUNDS;

	__asm__ volatile("1: invlpg (%1); dec %0; jnz 1b" : "+r"(n) : "r"(b->page) : "memory");
}

/* The new entry has A clear, as a kernel that maps another page writes it. */
static void remap(struct batch *b)
{
	u32 n = ROUNDS;

	__asm__ volatile("1: mov %0, %%eax; and $1, %%eax; shl $12, %%eax; add %3, %%rax\n"
			 "	or $3, %%rax\n"
			 "	mov %%rax, (%2); invlpg (%1); mov (%1), %%al; inc %%ecx\n"
			 "	dec %0; jnz 1b"
			 : "+r"(n)
			 : "r"(b->page), "r"(b->entry), "r"(FRAMES)
			 : "memory", "rax", "rcx", "cc");
}

static void first_touch(struct batch *b)
{
	u64 page = b->page;
	u32 n = ROUNDS;

	__asm__ volatile("1: mov (%1), %%al; add $0x1000, %1; dec %0; jnz 1b"
			 : "+r"(n), "+r"(page)
			 :
			 : "memory", "rax");
}

/* RBX: the table, R9: the first page, R8: the next frame with its rights. */
void demand_handler(void);
__asm__(".text; .balign 16; .global demand_handler\n"
	"demand_handler: push %rax\n"
	"	mov %cr2, %rax\n"
	"	sub %r9, %rax\n"
	"	shr $9, %rax\n"
	"	mov %r8, (%rbx, %rax)\n"
	"	add $0x1000, %r8\n"
	"	pop %rax\n"
	"	add $8, %rsp\n"
	"	iretq\n");

static void demand(struct batch *b)
{
	register u64 frame __asm__("r8") = FRAMES | MAPPED;
	register u64 first __asm__("r9") = b->page;
	register u64 *entry __asm__("rbx") = b->entry;
	u64 page = b->page;
	u32 n = ROUNDS;

	__asm__ volatile("1: mov (%1), %%al; add $0x1000, %1; dec %0; jnz 1b"
			 : "+r"(n), "+r"(page), "+r"(frame)
			 : "r"(first), "r"(entry)
			 : "memory", "rax");
}

static void toggle_wp(struct batch *b)
{
	u64 cr0 = read_cr0();
	u32 n = ROUNDS;

	(void)b;
	__asm__ volatile("1: mov %1, %%cr0; mov %2, %%cr0; dec %0; jnz 1b"
			 : "+r"(n)
			 : "r"(cr0 & ~CR0_WP), "r"(cr0)
			 : "memory");
}

static void toggle_pge(struct batch *b)
{
	u64 cr4 = read_cr4();
	u32 n = ROUNDS;

	(void)b;
	__asm__ volatile("1: mov %1, %%cr4; mov %2, %%cr4; dec %0; jnz 1b"
			 : "+r"(n)
			 : "r"(cr4 ^ CR4_PGE), "r"(cr4)
			 : "memory");
}

/* --- measuring -------------------------------------------------------------------------------- */

/* step: by how many tables each batch goes on from the first. */
static void measure(const char *name, void (*op)(struct batch *), u32 first, u32 step)
{
	const char *only = strstr(boot_args(), "only=");

	if (only && strcmp(only + strlen("only="), name) != 0)
		return;
	for (u32 i = 0; i <= BATCHES; i++) {
		u32 table = first + i * step;
		struct batch b = { REGION + table * TABLE_SPAN, tables[table] };
		u64 start = rdtsc();

		op(&b);
		if (i > 0)
			samples[i - 1] = (rdtsc() - start) / ROUNDS;
	}
	samples_print(name, samples, BATCHES);
}

static void fill(u32 table)
{
	for (u32 i = 0; i < 512; i++)
		tables[table][i] = (FRAMES + table * TABLE_SPAN + i * 0x1000ULL) | MAPPED;
}

static void build(void)
{
	for (u32 i = 0; i <= BATCHES; i++)
		fill(i);
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++)
		l2[i] = (u64)tables[i] | MAPPED;
	l3[0] = (u64)l2 | MAPPED;
	page_root[1] = (u64)l3 | MAPPED;
	memcpy(root_b, page_root, sizeof(root_b));
	cr3_a = (u64)page_root;
	cr3_b = (u64)root_b;
}

static void await_key(void)
{
	say("bench waits for a key\n");
	while (!(inb(COM1 + LSR) & LSR_READY))
		cpu_pause();
}

void guest_main(void)
{
	const u32 demand_tables = 1 + BATCHES;

	if (strstr(boot_args(), "wait"))
		await_key();
	build();
	for (u32 i = 0; i < 32; i++)
		touch(REGION + i * 0x1000);
	measure("cr3_reload_0", reload_0, 0, 0);
	measure("cr3_reload_8", reload_8, 0, 0);
	measure("cr3_reload_32", reload_32, 0, 0);
	measure("cr3_switch", switch_pair, 0, 0);
	measure("invlpg", flush_page, 0, 0);
	measure("cr0_wp", toggle_wp, 0, 0);
	measure("cr4_pge", toggle_pge, 0, 0);
	measure("remap", remap, 0, 0);
	/* Table 0 is used already; it warms up. */
	measure("first_touch", first_touch, 0, 1);
	idt_set_entry(PF, 0, demand_handler);
	measure("demand_fault", demand, demand_tables, 1);
	check(true, "bench_paging.ended", "it did");
}
