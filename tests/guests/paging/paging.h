/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables for test programs that do the same things in every mode of paging. Such a program is
 * built twice, for 64-bit mode (four and five levels) and for 32-bit mode (two levels without and
 * with large pages, PAE). It gives pg_run() its scenes; each runs in each mode.
 *
 * Every address space has the kernel's part: the low PG_MEMORY bytes and the local APIC, mapped to
 * themselves for the supervisor, of it one page (user.S) also for user mode. The rest, from
 * pg->base on, is the scene's. Tables and frames come from memory that is mapped to itself, so the
 * address of a frame is also a pointer to it.
 */
#pragma once

#include "tests/guests/lib/guest.h"

#define PTE_P  BIT(0)
#define PTE_W  BIT(1)
#define PTE_U  BIT(2)
#define PTE_A  BIT(5)
#define PTE_D  BIT(6)
#define PTE_PS BIT(7)
#define PTE_G  BIT(8)
#define PTE_NX BIT(63)

#define PTE_ALL    (PTE_P | PTE_W | PTE_U)
#define PTE_KERNEL (PTE_P | PTE_W)

#define PG_MEMORY (64 * SZ_1M)

typedef unsigned long va_t;

struct pg_mode {
	const char *name;
	u32 levels;
	u32 entry_size; /* bytes */
	bool large;     /* pages of level 2 */
	u64 cr4;
	u64 base; /* first address of the scenes; 64 level-2 entries fit behind it */
};

/* The mode that is on. */
extern const struct pg_mode *pg;
/* The CPU has no-execute pages, and the mode can. */
extern bool pg_nx;
/* The scene's argument: a number from the command line ("n=100"), or the default. */
u32 pg_number(u32 otherwise);

struct pg_scene {
	const char *name;
	void (*run)(void);
};

/* Runs the scenes in each mode of this program, or in those that the command line names. */
void pg_run(const struct pg_scene *scenes, u32 nr);
/* check(), with mode and scene before the name. */
bool pg_check(bool holds, const char *name, const char *reason, ...) __printf(3, 4);
void pg_skip(const char *name, const char *reason);

/* --- other CPUs (cpus.c) ---------------------------------------------------------------------- */

/* Starts the other CPUs; before pg_run(). Returns how many CPUs there are. */
u32 pg_cpus_start(void);
/* Lets each other CPU run fn in the mode of the scene, with the kernel's part alone mapped. */
void pg_others(void (*fn)(void));
/* Waits until all have returned from it; false if one does not within some seconds. */
bool pg_others_done(void);
/* What cpus.c calls on the other CPU: to the mode of the scene, and out of it. */
void pg_join(void);
void pg_part(void);

/* --- frames: zeroed; any CPU may ask ---------------------------------------------------------- */

u64 pg_frame(void);
void pg_frame_free(u64 frame);
/* Frames in a row, as many and aligned as a page of level 2. */
u64 pg_large_frame(void);
/* Frames that were taken and not freed. */
u32 pg_frames_used(void);

/* --- entries ---------------------------------------------------------------------------------- */

static inline u64 pg_get(const void *slot)
{
	return pg->entry_size == 4 ? *(const volatile u32 *)slot : *(const volatile u64 *)slot;
}

/*
 * A PAE or 64-bit entry is written whole in 64-bit mode, else low half last when it gets present.
 */
void pg_set(void *slot, u64 entry);
/* Compare-and-swap of an entry; true if it was as expected. */
bool pg_swap(void *slot, u64 old, u64 new);
#define PG_ADDRESS 0x000ffffffffff000ULL

u32 pg_entries(u32 level);   /* of a table */
u64 pg_page_size(u32 level); /* bytes that one entry maps */

/* --- address spaces --------------------------------------------------------------------------- */

/* A new one with the kernel's part alone; returns what to load into CR3. */
u64 pg_space(void);
/* Gives back its tables, but not what they map. It must not be loaded anywhere. */
void pg_space_free(u64 root);
/* The entry of the level that translates va; makes the tables above it if they are missing. */
void *pg_slot(u64 root, va_t va, u32 level);
/* Maps a page of level 1 or 2. */
void pg_map(u64 root, va_t va, u64 frame, u64 flags, u32 level);

static inline va_t pg_va(u64 offset)
{
	return (va_t)(pg->base + offset);
}

static inline u64 pg_page(u64 n)
{
	return n * PAGE_SIZE;
}

static inline void pg_flush(va_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline void pg_load(u64 root)
{
	write_cr3(root);
}

/* The address space that has the kernel's part alone. */
void pg_load_kernel(void);

static inline u32 *pg_word(u64 address)
{
	return at(address);
}

/* --- accesses that may fault; what came of one is in *caught() -------------------------------- */

enum pg_op {
	PG_READ,
	PG_WRITE,
	PG_FETCH, /* of code that pg_code() put there */
};

/* As the supervisor, and in user mode. Return the vector, or NO_TRAP. */
int pg_kernel(enum pg_op op, va_t va);
int pg_user(enum pg_op op, va_t va);
/* What the last PG_READ of this CPU read; what PG_WRITE writes. */
extern volatile u32 pg_value[MAX_CPUS];
/* The page of code that user mode may use. */
extern u8 pg_stubs[];
/* Where it comes back; it needs R12 (EBX) of user mode. */
void pg_user_back(void);
/* What comes from user mode finds its stack that far from where it is mapped to itself. */
extern unsigned long pg_stack_shift;
/* Makes a frame executable by PG_FETCH. */
void pg_code(u64 frame);

/* Reads a word without fuss; it must be mapped. */
static inline u32 pg_read(va_t va)
{
	return *(volatile u32 *)va;
}

static inline void pg_write(va_t va, u32 value)
{
	*(volatile u32 *)va = value;
}

/* The access must end as the error code says; ~0: without fault. Reports under the name. */
bool pg_expect(const char *name, enum pg_op op, bool user, va_t va, u32 error);
#define PG_OK (~0U)
