/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unpaged: a CPU without paging writes page tables that another CPU uses.
 *
 * The other CPU turns paging off and stores what it is told to; this one flushes, and must find
 * what the tables say now: for a page's entry, a directory's, and one of the root that is in use.
 * The other CPU turns paging on and off again now and then, and between stores it writes to the
 * memory beside the tables. Skipped where the machine has one CPU.
 *
 * A hypervisor that shadows the tables of the one and runs the other on a direct map sees these
 * stores only if it takes care to. Source: Intel SDM 3A "Propagation of Paging-Structure Changes to
 * Multiple Processors".
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define V       BIT(39) /* behind the second entry of the root */
#define FLAGS   (GPTE_P | GPTE_W | GPTE_A | GPTE_D)
#define TURNS   20
#define WRITES  30
#define LEAVE   1
#define MARK(i) (0xfee10000U + (i))

#define GPTE_P BIT(0)
#define GPTE_W BIT(1)
#define GPTE_A BIT(5)
#define GPTE_D BIT(6)

u32 mode_call(u64 cr0, u64 cr3, u64 cr4, u64 efer, u64 entry);

/* Two of each: entries change between them. */
static u64 root[512] __aligned(4096);
static u64 pdpt[2][512] __aligned(4096), pd[2][512] __aligned(4096), pt[2][512] __aligned(4096);
static u32 frame[2][1024] __aligned(4096);

/* What the other CPU does next: stores where and value, at an address of 32 bits. */
extern volatile u32 order_at, order_value, order_beside;
volatile u32 order_at, order_value, order_beside;
static volatile u32 up;

/* 32-bit code without paging: obeys until the address is LEAVE. */
extern u8 obey[];
__asm__(".text\n.code32\n"
	"obey:	pause\n"
	"	mov order_at, %eax\n"
	"	test %eax, %eax\n"
	"	jz obey\n"
	"	cmp $1, %eax\n"
	"	je 1f\n"
	"	mov order_beside, %edx\n"
	"	addl $2, (%edx)\n"
	"	mov order_value, %ecx\n"
	"	mov %ecx, (%eax)\n"
	"	movl $0, order_at\n"
	"	jmp obey\n"
	"1:	movl $0, order_at\n"
	"	ret\n"
	".code64\n");

static u32 addr(const volatile void *p)
{
	return (u32)(u64)p;
}

static void other_cpu(void)
{
	up = 1;
	for (;;)
		mode_call(CR0_PE | CR0_ET | CR0_NE, 0, 0, 0, addr(obey));
}

/* at: NULL sends it through paging. False: it has not answered. */
static bool order(const volatile void *at, u64 value)
{
	u64 end = rdtsc() + tsc_us(20000000);

	order_value = (u32)value;
	__atomic_store_n(&order_at, at ? addr(at) : LEAVE, __ATOMIC_SEQ_CST);
	while (order_at && rdtsc() < end)
		cpu_pause();
	return !order_at;
}

/* The other CPU makes the entry lead to one of two things; this one flushes and looks. */
static bool follows(u64 *entry, const void *to, u32 mark)
{
	const volatile u32 *seen = at(V);
	bool done = order(entry, addr(to) | FLAGS);

	if (entry == &root[1])
		write_cr3(addr(root));
	else
		__asm__ volatile("invlpg (%0)" : : "r"(seen) : "memory");
	return done && *seen == mark;
}

static void link(void)
{
	memcpy(root, at(read_cr3() & ~0xfffULL), sizeof(root));
	for (u32 i = 0; i < 2; i++) {
		pdpt[i][0] = addr(pd[i]) | FLAGS;
		pd[i][0] = addr(pt[i]) | FLAGS;
		pt[i][0] = addr(frame[i]) | FLAGS;
		frame[i][0] = MARK(i);
	}
	root[1] = addr(pdpt[0]) | FLAGS;
	write_cr3(addr(root));
}

/* What an entry of table 0 leads to alternates; the rest of the way stays. */
static void many(const char *name, u64 *entry, const void *first, const void *second)
{
	u32 i = 0;

	order_beside = addr(&entry[8]);
	while (i < WRITES && follows(entry, i % 2 ? first : second, MARK(!(i % 2))))
		i++;
	check(i == WRITES, name, "store %u was not seen", i);
}

void guest_main(void)
{
	u32 turn;

	if (cpu_count() < 2) {
		skip("unpaged", "one CPU");
		return;
	}
	link();
	check(cpu_start(1, other_cpu), "unpaged.start", "it did not come");
	while (!up)
		cpu_pause();
	many("unpaged.page", &pt[0][0], frame[0], frame[1]);
	many("unpaged.table", &pd[0][0], pt[0], pt[1]);
	many("unpaged.root", &root[1], pdpt[0], pdpt[1]);
	for (turn = 0; turn < TURNS && order(NULL, 0); turn++) {
		u64 *second = pt[1];

		if (!follows(&pt[0][0], frame[1], MARK(1)) ||
		    !follows(&pd[0][0], second, MARK(1)) || !follows(second, frame[0], MARK(0)) ||
		    !follows(second, frame[1], MARK(1)) || !follows(&pd[0][0], pt[0], MARK(1)) ||
		    !follows(&pt[0][0], frame[0], MARK(0)))
			break;
	}
	check(turn == TURNS, "unpaged.turns", "after %u turns", turn);
}
