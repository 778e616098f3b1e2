/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_write: a page table is written by every kind of instruction that can.
 *
 * The table maps pages that are in use. Each instruction runs twice with the same operands: on a
 * plain copy of the table, and on the table itself. Afterwards the two must have the same bytes,
 * and every entry that still is one must translate as it says: to its frame, or not at all.
 *
 * A hypervisor that write-protects tables has to emulate the write, or to let the guest make it
 * itself. So there are plain moves of all widths, exchanges and locked instructions, string
 * instructions, pushes and pops, stores of SSE, AVX and the x87, and of system registers, also such
 * as cross into another table or into a page that is none.
 */

#include "tests/guests/paging/paging.h"

#include <stdio.h>
#include <string.h>

#define FRAMES 32 /* that entries map; in a row, so that small changes lead from one to another */
#define USED   8  /* entries at both ends of a table that are tried */
#define ALIAS  pg_va(8 * pg_page_size(2))

/* Operands: where to write, entries for many slots, and one entry. */
struct operands {
	u8 *slot;
	const u8 *source;
	u64 new;
};

struct writer {
	const char *name;
	void (*run)(const struct operands *o);
	bool (*has)(void); /* NULL: every CPU */
};

static u64 root, first_frame;
static u64 tables[2];                     /* that are written: neighbours, for writes that cross */
static u8 copy[2 * 4096] __aligned(4096); /* where the instruction runs for comparison */
static u8 base[2 * 4096];                 /* what the tables have before */
static u8 source[512] __aligned(64);

/* --- the instructions ------------------------------------------------------------------------- */

#define WRITER(name, text, ...)                                          \
	static void w_##name(const struct operands *o)                   \
	{                                                                \
		__asm__ volatile(text : : __VA_ARGS__ : "memory", "cc"); \
	}
#define SLOT "r"(o->slot)
#define LOW  "a"((u32)o->new)
#define DI   "D"(o->slot)

/* byte 1 has the lowest bits of the frame number and software's bits */
WRITER(mov8, "movb %h1, 1(%0)", SLOT, "a"((u32)o->new))
WRITER(mov16, "movw %w1, (%0)", SLOT, LOW)
WRITER(mov32, "movl %k1, (%0)", SLOT, LOW)
WRITER(mov_imm, "movl $0, (%0)", SLOT)
WRITER(movnti, "movnti %k1, (%0)", SLOT, LOW)
WRITER(lock_or, "lock orl $0x200, (%0)", SLOT)
WRITER(lock_and, "lock andl $~2, (%0)", SLOT)
WRITER(lock_add, "lock addl $0x400, (%0)", SLOT)
WRITER(lock_inc, "lock incb 1(%0)", SLOT)
WRITER(or, "orl $0x600, (%0)", SLOT)
WRITER(and, "andl $~1, (%0)", SLOT)
WRITER(xor, "xorl $0x800, (%0)", SLOT)
WRITER(sub, "subl $0x1000, (%0)", SLOT)
WRITER(not, "notb 1(%0); notb 1(%0)", SLOT)
WRITER(neg, "negl (%0); negl (%0)", SLOT)
WRITER(shl, "shll $1, (%0); shrl $1, (%0)", SLOT)
WRITER(btr, "lock btrl $5, (%0)", SLOT)
WRITER(bts, "lock btsl $9, (%0)", SLOT)
WRITER(btc, "btcl $10, (%0)", SLOT)
WRITER(setcc, "movb $0, %%al; test %%al, %%al; setnz (%0)", SLOT, "a"(0))
WRITER(shld, "shldl $4, %k1, (%0); shrdl $4, %k1, (%0)", SLOT, LOW)
WRITER(mov_seg, "movw %%fs, (%0)", SLOT)
WRITER(sgdt, "sgdt (%0)", SLOT)
WRITER(sidt, "sidt (%0)", SLOT)
WRITER(smsw, "smsw (%0)", SLOT)
WRITER(fstcw, "fnstcw (%0)", SLOT)
WRITER(fxsave, "fxsave (%0)", "r"(ALIGN_UP((uintptr_t)o->slot, 16)))
WRITER(movups, "movups (%1), %%xmm0; movups %%xmm0, (%0)", SLOT, "r"(o->source))
WRITER(movdqa, "movdqa (%1), %%xmm1; movdqa %%xmm1, (%0)", "r"(ALIGN_UP((uintptr_t)o->slot, 16)),
       "r"(o->source))
WRITER(movntdq, "movdqa (%1), %%xmm1; movntdq %%xmm1, (%0)", "r"(ALIGN_UP((uintptr_t)o->slot, 16)),
       "r"(o->source))
WRITER(movq_sse, "movq (%1), %%xmm2; movq %%xmm2, (%0)", SLOT, "r"(o->source))
WRITER(movd_sse, "movd (%1), %%xmm2; movd %%xmm2, (%0)", SLOT, "r"(o->source))
WRITER(maskmov, "movdqu (%1), %%xmm0; pcmpeqd %%xmm1, %%xmm1; maskmovdqu %%xmm1, %%xmm0", DI,
       "r"(o->source))
WRITER(fistp, "fninit; fildq (%1); fistpq (%0)", SLOT, "r"(o->source))
WRITER(vmovdqu, "vmovdqu (%1), %%ymm0; vmovdqu %%ymm0, (%0); vzeroupper", SLOT, "r"(o->source))
WRITER(movbe, "movbel %k1, (%0)", SLOT, "r"(__builtin_bswap32((u32)o->new)))

static void w_xadd(const struct operands *o)
{
	u32 v = 0x200;

	__asm__ volatile("lock xaddl %0, (%1)" : "+r"(v) : SLOT : "memory", "cc");
}

static void w_stosb(const struct operands *o)
{
	void *p = o->slot;

	__asm__ volatile("cld; stosb" : "+D"(p) : "a"(0) : "memory");
}

static void w_xchg(const struct operands *o)
{
	u32 v = (u32)o->new;

	__asm__ volatile("xchgl %0, (%1)" : "+r"(v) : SLOT : "memory");
}

static void w_cmpxchg(const struct operands *o)
{
	u32 v = *(u32 *)(void *)o->slot; /* the bits that the CPU has set, too */

	__asm__ volatile("lock cmpxchgl %1, (%2)"
			 : "+a"(v)
			 : "r"((u32)o->new), SLOT
			 : "memory", "cc");
}

static void w_cmpxchg_fails(const struct operands *o)
{
	u32 v = 0x12345;

	__asm__ volatile("lock cmpxchgl %1, (%2)"
			 : "+a"(v)
			 : "r"((u32)o->new), SLOT
			 : "memory", "cc");
}

static void w_cmpxchg8b(const struct operands *o)
{
	const u32 *now = (void *)o->slot, *src = (const void *)o->source;
	u32 lo = now[0], hi = now[1];

	__asm__ volatile("lock cmpxchg8b (%4)"
			 : "+a"(lo), "+d"(hi)
			 : "b"(src[0]), "c"(src[1]), "D"(now)
			 : "memory", "cc");
}

static void w_rep_stos(const struct operands *o)
{
	void *p = o->slot;
	unsigned long n = 40;

	__asm__ volatile("cld; rep stosl" : "+D"(p), "+c"(n) : "a"(0) : "memory");
}

static void w_rep_movs(const struct operands *o)
{
	const void *from = o->source;
	void *to = o->slot;
	unsigned long n = 16;

	__asm__ volatile("cld; rep movsl" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static void w_rep_movsb_down(const struct operands *o)
{
	const void *from = o->source + 63;
	void *to = o->slot + 63;
	unsigned long n = 64;

	__asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

#ifdef __x86_64__
#define SP "%%rsp"
#else
#define SP "%%esp"
#endif

/* The stack pointer lies in the table meanwhile; interrupts are off. */
static void w_push(const struct operands *o)
{
	unsigned long sp;

	__asm__ volatile("mov " SP ", %0; mov %1, " SP "; push %2; mov %0, " SP
			 : "=&r"(sp)
			 : "r"(o->slot + sizeof(long)), "r"((unsigned long)o->new)
			 : "memory");
}

static void w_call(const struct operands *o)
{
	unsigned long sp;

	__asm__ volatile("mov " SP ", %0; mov %1, " SP "; call 1f; 1: mov %0, " SP
			 : "=&r"(sp)
			 : "r"(o->slot + sizeof(long))
			 : "memory");
}

static void w_pop(const struct operands *o)
{
	__asm__ volatile("push %1; pop (%0)" : : SLOT, "r"((unsigned long)o->new) : "memory");
}

#ifdef __x86_64__
WRITER(mov64, "movq %1, (%0)", SLOT, "r"(o->new))
WRITER(lock_or64, "lock orq $0x200, (%0)", SLOT)

static void w_rep_stosq(const struct operands *o)
{
	void *p = o->slot;
	unsigned long n = 4;

	__asm__ volatile("cld; rep stosq" : "+D"(p), "+c"(n) : "a"(0UL) : "memory");
}

static void w_xchg64(const struct operands *o)
{
	u64 v = o->new;

	__asm__ volatile("xchgq %0, (%1)" : "+r"(v) : SLOT : "memory");
}

static void w_cmpxchg16b(const struct operands *o)
{
	u64 *now = at(ALIGN_UP((u64)o->slot, 16)), lo = now[0], hi = now[1];
	const u64 *src = (const void *)o->source;

	__asm__ volatile("lock cmpxchg16b (%4)"
			 : "+a"(lo), "+d"(hi)
			 : "b"(src[0]), "c"(src[1]), "D"(now)
			 : "memory", "cc");
}

static bool has_cx16(void)
{
	return cpuid(1, 0).ecx & BIT32(13);
}
#endif

static bool has_avx(void)
{
	return read_cr4() & CR4_OSXSAVE;
}

static bool has_movbe(void)
{
	return cpuid(1, 0).ecx & BIT32(22);
}

#define W(name)                       \
	{                             \
#name, w_##name, NULL \
	}

static const struct writer writers[] = {
	W(mov8),
	W(mov16),
	W(mov32),
	W(mov_imm),
	W(movnti),
	W(xadd),
	W(lock_or),
	W(lock_and),
	W(lock_add),
	W(lock_inc),
	W(or),
	W(and),
	W(xor),
	W(sub),
	W(not ),
	W(neg),
	W(shl),
	W(btr),
	W(bts),
	W(btc),
	W(setcc),
	W(shld),
	W(mov_seg),
	W(stosb),
	W(sgdt),
	W(sidt),
	W(smsw),
	W(fstcw),
	W(fxsave),
	W(movups),
	W(movdqa),
	W(movntdq),
	W(movq_sse),
	W(movd_sse),
	W(maskmov),
	W(fistp),
	W(xchg),
	W(cmpxchg),
	W(cmpxchg_fails),
	W(cmpxchg8b),
	W(rep_stos),
	W(rep_movs),
	W(rep_movsb_down),
	W(push),
	W(call),
	W(pop),
#ifdef __x86_64__
	W(mov64),
	W(lock_or64),
	W(rep_stosq),
	W(xchg64),
	{ "cmpxchg16b", w_cmpxchg16b, has_cx16 },
#endif
	{ "vmovdqu", w_vmovdqu, has_avx },
	{ "movbe", w_movbe, has_movbe },
};

/* --- one try ---------------------------------------------------------------------------------- */

/* Puts the tables back; only what differs is written, as each write may cost much. */
static void restore(void)
{
	for (u32 t = 0; t < 2; t++)
		for (u32 i = 0; i < PAGE_SIZE; i += 4)
			if (*pg_word(tables[t] + i) != *(u32 *)(void *)(base + t * PAGE_SIZE + i))
				*pg_word(tables[t] + i) =
					*(u32 *)(void *)(base + t * PAGE_SIZE + i);
}

/* The frame that an entry maps, FRAMES if it is absent, more if it is no entry of ours. */
static u32 frame_of(u64 entry)
{
	u64 n = ((entry & PG_ADDRESS) - first_frame) / PAGE_SIZE;

	if (!(entry & PTE_P))
		return FRAMES;
	if ((entry & ~(PG_ADDRESS | MASK(11, 0))) || (entry & PTE_PS) || n >= FRAMES)
		return FRAMES + 1;
	return (u32)n;
}

/* Every entry in use leads where it says. Returns how many do not. */
static u32 translate(u32 linked)
{
	u32 wrong = 0, nr = pg_entries(1);

	for (u32 n = 0; n < 2 * USED * linked; n++) {
		u32 i = n % (2 * USED), t = n / (2 * USED);
		u32 index = i < USED ? i : nr - 2 * USED + i;
		va_t va = pg_va(t * pg_page_size(2) + index * PAGE_SIZE);
		u32 f = frame_of(pg_get(at(tables[t] + index * pg->entry_size)));

		if (f == FRAMES)
			wrong += pg_kernel(PG_READ, va) != EXC_PF;
		else if (f < FRAMES)
			wrong += pg_kernel(PG_READ, va) != NO_TRAP || pg_value[0] != 0x1000 + f;
	}
	return wrong;
}

enum { /* what a try does wrong */
	WRONG_BEFORE = 1,
	WRONG_BYTES = 2,
	WRONG_PAGES = 4,
};

/*
 * One instruction at an offset in the first table. linked: how many of the two tables are tables.
 * to: where the guest writes them.
 */
static u32 try(const struct writer *w, u32 offset, u32 linked, u8 *to)
{
	struct operands o = { .source = source, .new = (first_frame + 9 * PAGE_SIZE) | PTE_KERNEL };
	u32 wrong = 0;

	restore();
	pg_load(root);
	wrong |= translate(linked) ? WRONG_BEFORE : 0;
	memcpy(copy, at(tables[0]), PAGE_SIZE);
	memcpy(copy + PAGE_SIZE, at(tables[1]), PAGE_SIZE);
	o.slot = copy + offset;
	w->run(&o);
	o.slot = to + offset;
	w->run(&o);
	wrong |= memcmp(copy, at(tables[0]), PAGE_SIZE) ? WRONG_BYTES : 0;
	wrong |= memcmp(copy + PAGE_SIZE, at(tables[1]), PAGE_SIZE) ? WRONG_BYTES : 0;
	pg_load(root);
	wrong |= translate(linked) ? WRONG_PAGES : 0;
	return wrong;
}

static void try_all(const struct writer *w)
{
	static const u32 offsets[] = { 0, 16, 24, 4080, 4094 };
	u64 memory = tables[0];
	u32 wrong = 0, last = 0;

	if (w->has && !w->has())
		return;
	for (u32 i = 0; i < ARRAY_SIZE(offsets); i++) {
		u32 bad[3];

		/* the second is a table, too; plain memory; plain memory elsewhere */
		tables[1] = memory + PAGE_SIZE;
		pg_set(pg_slot(root, pg_va(pg_page_size(2)), 2), tables[1] | PTE_ALL);
		bad[0] = try(w, offsets[i], 2, at(memory));
		pg_set(pg_slot(root, pg_va(pg_page_size(2)), 2), 0);
		bad[1] = try(w, offsets[i], 1, at(memory));
		tables[1] = memory + 3 * PAGE_SIZE;
		bad[2] = try(w, offsets[i], 1, at(ALIAS));
		for (u32 k = 0; k < 3; k++) {
			wrong |= bad[k];
			last = bad[k] ? offsets[i] * 10 + k : last;
		}
	}
	pg_check(!wrong, w->name, "wrong: %s%s%s, at %u, place %u",
		 wrong & WRONG_BEFORE ? "pages before " : "", wrong & WRONG_BYTES ? "bytes " : "",
		 wrong & WRONG_PAGES ? "pages" : "", last / 10, last % 10);
}

static void prepare(void)
{
	u32 nr = pg_entries(1);
	u64 memory = ALIGN_UP(pg_large_frame(), SZ_1M);

	root = pg_space();
	first_frame = memory + 16 * PAGE_SIZE;
	for (u32 i = 0; i < FRAMES; i++)
		*pg_word(first_frame + i * PAGE_SIZE) = 0x1000 + i;
	for (u32 i = 0; i < 2 * nr; i++) {
		u32 f = i % nr < USED || i % nr >= nr - USED ? i * 5 % FRAMES : 0;

		pg_set(base + i * pg->entry_size,
		       (first_frame + f * PAGE_SIZE) | PTE_KERNEL | PTE_A);
	}
	for (u32 i = 0; i < sizeof(source) / pg->entry_size; i++)
		pg_set(source + i * pg->entry_size,
		       (first_frame + (i * 7 + 3) % FRAMES * PAGE_SIZE) | PTE_KERNEL);
	tables[0] = memory;
	memset(at(memory), 0, 4 * PAGE_SIZE);
	pg_set(pg_slot(root, pg_va(0), 2), tables[0] | PTE_ALL);
	pg_map(root, ALIAS, memory, PTE_KERNEL, 1);
	pg_map(root, ALIAS + (va_t)PAGE_SIZE, memory + 3 * PAGE_SIZE, PTE_KERNEL, 1);
}

/* SSE and, where the CPU has it, AVX. */
static void vectors_on(void)
{
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	if ((cpuid(1, 0).ecx & BIT32(28)) && (cpuid(1, 0).ecx & BIT32(26))) {
		write_cr4(read_cr4() | CR4_OSXSAVE);
		xsetbv(0, 7);
	}
}

static void instructions(void)
{
	u64 cr4 = read_cr4();

	vectors_on();
	prepare();
	for (u32 i = 0; i < ARRAY_SIZE(writers); i++)
		try_all(&writers[i]);
	write_cr4(cr4);
	pg_load_kernel();
}

static const struct pg_scene scenes[] = { { "by", instructions } };

void guest_main(void)
{
	pg_run(scenes, ARRAY_SIZE(scenes));
}
