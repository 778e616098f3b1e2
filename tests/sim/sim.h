/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine under the shadow MMU: an adversary and a judge. It knows the public face of mmu/
 * only.
 *
 *	env.c     the seam of mmu/mmu_env.h: host memory, locks, kicks, hooks
 *	guest.c   guest memory with its slots, and a history of every word that was written
 *	arch.c    a vCPU as its guest sees it: control registers, flush events, latched PDPTEs
 *	oracle.c  what a legal processor may do with an access
 *	hw.c      the processor that really runs: it walks the shadow
 *	actor.c   world switches, faults, emulation: the loop around mmu_shadow_*()
 *	build.c   guest page tables for scripted tests
 *	driver.c  random operations, from a seed or a fuzzer's bytes; choice.c: what is chosen
 *	sched.c   actors as coroutines, for exhaustive interleavings
 *
 * There are CPUs, and vCPUs that are pinned to them; each vCPU has a context and a TLB tag. A guest
 * action is a function call on a vCPU: an access, a register write, a flush instruction. The
 * access goes through hw.c, which has for each tag a TLB and caches of paging structures. It keeps
 * what it likes for as long as it may, walks ahead of any access, and asks for a world switch only
 * when the walk of the shadow faults. Each table that it reads must be one, of this VM and level,
 * and not freed; each entry must be free of reserved bits; each frame must be the guest's.
 *
 * While one CPU is inside mmu/, the others go on: at each store to a shadow entry, each kick and
 * each turn of a wait loop, vCPUs in guest may do what needs no exit (sim_meanwhile()), with stale
 * TLBs. Where no lock is held (fake/mmu/hook.h), another actor may do something complete, exits
 * included: a test scripts it with sim_hook(), the driver does it at random.
 *
 * Time is a count of events. Every word of guest memory that was written has its former values
 * with the times at which they came (guest.c), and every vCPU knows when which flush event happened
 * (arch.c). An access that hardware completed at some guest-physical address is legal if the
 * reference walker (tests/host/mmu_ref.c) gets there with each entry read at a time of its own,
 * such that
 *
 *	- no time is before the last flush event that covers the entry: its scope, its PCID, and
 *	  whether the leaf is global, decide;
 *	- times do not fall from the root to the leaf: what a processor caches for a table was read
 *	  before what it then read from that table;
 *	- no flush of the paging-structure caches lies between two of them, for then the processor
 *	  had nothing left to combine the older with the newer;
 *	- an entry that memory does not hold any more was present with A set, or got it next, for
 *	  others are not cached; for a write the leaf has D.
 *
 * A fault that is delivered must be the reference walker's for memory between the begin of the
 * access and now: mmu/ walks afresh before it blames the guest. Rights are judged by the registers
 * of now. Entries without a history are what memory holds.
 *
 * A violation ends in sim_fail(), which prints the last operations and how to repeat the run.
 */
#pragma once

#include "lib/addr.h"
#include "lib/trace.h"
#include "lib/types.h"

#include "arch/regs.h"
#include "mmu/mmu.h"
#include "mmu/shadow/ctx.h"

#define SIM_CPUS    4
#define SIM_VCPUS   4
#define SIM_SLOTS   8
#define SIM_TRACKED 32 /* frames that may be tracked: 0 .. */
#define SIM_PCIDS   8  /* that guests use: 0 .. */

/* Host-physical layout. The pool is above 4 GiB, so that a truncated CR3 is noticed. */
#define SIM_LOW  0x100000ULL
#define SIM_RAM  SZ_1G
#define SIM_POOL (5 * SZ_1G)
#define SIM_SIZE (6 * SZ_1G)

enum sim_mode {
	SIM_NONE,
	SIM_32,
	SIM_PSE,
	SIM_PAE,
	SIM_LM4,
	SIM_LM5,
	SIM_MODES
};

struct sim_slot {
	u64 gfn, nr, hfn;
	u8 kind; /* SLOT_NONE: not there */
	u16 dev;
};

/* What the processor has cached: a translation, or a pointer to a table. */
struct sim_tlbe {
	u64 first, nr; /* linear pages; nr 0 = empty */
	u64 hpa;       /* of the first page, or of the table */
	u8 level;      /* 0 = translation; else the level of the table pointed to */
	u8 pkey;
	bool w, u, x, d;
};

#define SIM_TLB 16

/* The processor while it runs a vCPU's shadow. */
struct sim_hw {
	u64 cr0, cr4, efer;
	u64 root;
	u64 pdpte[4];
	u8 levels; /* 3 = PAE */
	u32 next;  /* victim in tlb[] */
	struct sim_tlbe tlb[SIM_TLB];
};

/* An INVLPG and the like: who forgets what, and when. */
struct sim_inval {
	u64 time, gva;
	u16 pcid;
	bool psc;    /* the caches of paging structures as a whole, too */
	bool global; /* global translations, too */
	bool large;  /* all of a large page; else parts of it may stay cached */
};

#define SIM_INVALS 32

/* When what was flushed last, for the oracle. */
struct sim_arch {
	u64 all, nonglobal, space[SIM_PCIDS];
	u32 next;
	struct sim_inval inval[SIM_INVALS];
};

struct sim_vcpu {
	struct mmu_ctx ctx;
	struct mmu_tag tag;
	struct mmu_regs regs; /* as the guest and the reference walker see them */
	struct mmu_caps caps;
	u32 id, cpu;
	bool in_guest, flushed, busy;
	bool direct; /* runs on the direct map */
	struct sim_arch arch;
	struct sim_hw hw;
};

/* How an access ended. */
enum sim_end {
	SIM_OK,     /* done, by hardware or by emulation */
	SIM_PF,     /* #PF delivered */
	SIM_MMIO,   /* at a device or a hole */
	SIM_ROM,    /* write dropped */
	SIM_NOMEM,  /* mmu/ has no memory */
	SIM_KILLED, /* mmu/ has given the VM up */
	SIM_STUCK,  /* a limit of tries was reached, allowed by sim.may_stick only */
};

struct sim_out {
	enum sim_end end;
	u64 gpa, value;
	u32 error;  /* of the #PF */
	u32 faults; /* calls of mmu_shadow_fault() */
	bool emulated, may_unshadow, tracked;
};

struct sim_access {
	u64 gva;
	u32 access; /* MMU_R or MMU_W or MMU_X, with MMU_U, MMU_IMPLICIT */
	u32 pkru;
	bool ac;
	bool locked;   /* write: compare-exchange if it must be emulated */
	bool unshadow; /* write: mmu_unshadow() instead of emulation where that is legal */
	u8 size;       /* 4 or 8; gva is aligned to it */
	u64 value;     /* write */
};

struct sim_cfg {
	u32 cpus, vcpus;
	u32 pool, quota, low;         /* frames; 0 = plenty */
	bool unpaged_direct;          /* as on VMX with unrestricted guest */
	const struct mmu_caps *caps;  /* of each vCPU; NULL: 40 bits, everything */
	const struct sim_slot *slots; /* ends with nr 0; NULL: sim_default_slots */
};

/* How the processor treats its caches. */
enum sim_keep {
	SIM_KEEP_RANDOM,
	SIM_KEEP_ALL,
	SIM_KEEP_NOTHING
};

struct sim {
	struct mmu_vm vm;
	struct sim_vcpu vcpu[SIM_VCPUS];
	u32 nr_vcpus;
	struct sim_slot slot[SIM_SLOTS];
	const struct sim_slot *changing; /* being added or removed: there or not, as mmu/ likes */
	u64 now;                         /* counts events */
	enum sim_keep keep;
	bool lively;           /* other vCPUs go on at every chance */
	bool unpaged_direct;   /* who has paging off runs on the direct map */
	bool may_stick;        /* SIM_STUCK is not a failure */
	bool refused;          /* an allocation was refused: SIM_NOMEM is not a failure */
	bool meanwhile;        /* inside sim_meanwhile() */
	u32 depth;             /* of actions inside hooks */
	u32 writing;           /* write accesses since D bits were last looked at */
	u64 checked, doubtful; /* accesses judged; of these, those with too many possibilities */
	void (*hook[HOOK_NR])(void *arg);
	void *hook_arg[HOOK_NR];
	bool (*any_hook)(enum mmu_hook h); /* driver, explorer; before the scripted one */
	void (*yield)(void);               /* in guest, before the access: the explorer's */
	/* A guest access that a lively vCPU does next. */
	void (*pick)(struct sim_vcpu *v, struct sim_access *a);
	void (*failed)(const char *text); /* what sim_fail() does at the end; NULL: abort */
	void (*describe)(void);           /* prints how to repeat the run */
};

extern struct sim sim;
extern const struct sim_slot sim_default_slots[];

/* --- the machine (env.c) ---------------------------------------------------------------------- */

/* A fresh machine. What the last one had is forgotten. */
void sim_start(const struct sim_cfg *cfg);
void sim_stop(void);
void sim_fail(const char *fmt, ...) __printf(1, 2) __noreturn;

#define sim_check(cond, ...)                   \
	do {                                   \
		if (unlikely(!(cond)))         \
			sim_fail(__VA_ARGS__); \
	} while (0)

/* Random numbers, below n. From bytes if there are any (a fuzzer's), else from the seed. */
u32 sim_rand(u32 n);
void sim_rand_seed(u64 seed);
void sim_rand_bytes(const u8 *p, size_t n);
bool sim_rand_empty(void);

static inline bool sim_chance(u32 of)
{
	return sim_rand(of) == 0;
}

/* Another CPU's turn; returns the one before, for sim_cpu_back(). */
struct sim_turn {
	u32 cpu, ranks;
};

struct sim_turn sim_cpu_take(u32 cpu);
void sim_cpu_back(struct sim_turn t);

/* One line of the log that sim_fail() prints. */
void sim_log(const char *fmt, ...) __printf(1, 2);

/* fn(arg) runs at the next place h, once. */
void sim_hook(enum mmu_hook h, void (*fn)(void *arg), void *arg);

/* The last record of each trace event, while trace_on; tsc is 0 if there was none. */
extern struct trace_rec sim_traced[];

/* Fails unless the audit of mmu/ finds nothing. */
void sim_audit(void);

/* --- guest memory (guest.c) ------------------------------------------------------------------- */

void sim_guest_start(const struct sim_slot *slots);
/* The slot of a frame, or NULL. */
const struct sim_slot *sim_slot_of(u64 gfn);
/* Host memory behind RAM or ROM, or NULL. Does not cross a page. */
void *sim_host(u64 gpa);
/* The guest-physical address of a host address, false if it is not the guest's. */
bool sim_gpa_of(u64 hpa, u64 *gpa);
/* Reads 4 or 8 aligned bytes as they are now; all ones where no memory is. */
u64 sim_peek(u64 gpa, u8 size);
/* Memory has been stored to: history and dirty bits follow. */
void sim_noted(u64 gpa, u64 len);
/* Somebody is about to store to, or has stored to, the word at gpa: any value may come. */
void sim_pending(u64 gpa, bool on);
/* Looks at all known words for changes that mmu/ made; only A and D may have come. */
void sim_reconcile(void);
/* Stores that nobody sees: before the guest runs. */
void sim_poke(u64 gpa, u64 value, u8 size);

/* Former values of the word of 4 or 8 bytes at gpa, newest first. Value i was there in [from[i],
 * to[i]). Returns how many; *lost: there were older ones. */
#define SIM_PAST 12

struct sim_past {
	u32 nr;
	u64 value[SIM_PAST], from[SIM_PAST], to[SIM_PAST];
	bool lost;
};

void sim_past(u64 gpa, u8 size, u64 since, struct sim_past *p);
/* From now on nobody can say what this word was: a device writes to it behind everybody's back. */
void sim_wild(u64 gpa);
bool sim_is_wild(u64 gpa);

int sim_slot_remove(u32 i);
int sim_slot_add(u32 i, const struct sim_slot *s);
/* The log of slot i: starts it; fetches it, and fails if a written frame is missing. */
int sim_dirty_start(u32 i);
void sim_dirty_fetch(u32 i);
int sim_dirty_stop(u32 i);
/* Tracks of a frame of the first slot: after one was added hardware must not make such an access.
 * Removes one only if there is one. */
int sim_track_add(u32 gfn, u32 rights);
void sim_track_remove(u32 gfn, u32 rights);
/* A track forbids the access. */
bool sim_tracked(u64 gfn, u32 access);

/* --- the guest's view of a vCPU (arch.c) ------------------------------------------------------ */

void sim_arch_reset(struct sim_vcpu *v);
enum sim_mode sim_mode_of(const struct mmu_regs *r);
/* A processor can be in this state. */
bool sim_regs_legal(const struct mmu_regs *r);
/*
 * The write that turns regs into r: does what the processor does (events, PDPTEs). False: #GP.
 */
bool sim_arch_write(struct sim_vcpu *v, const struct mmu_regs *r, enum mmu_reg_write what);
/* An event that is no register write; gva and pcid where the event has them. */
void sim_arch_event(struct sim_vcpu *v, enum mmu_event ev, u64 gva, u32 pcid);
u32 sim_pcid(const struct mmu_regs *r);

/* --- the judge (oracle.c) --------------------------------------------------------------------- */

/* A processor may complete this access at gpa. begin: sim.now when the access began. */
bool sim_legal_ok(const struct sim_vcpu *v, const struct sim_access *a, u64 gpa);
bool sim_legal_fault(const struct sim_vcpu *v, const struct sim_access *a, u32 error, u64 begin);
/* The walk with the history of its entries, into the log. */
void sim_explain(const struct sim_vcpu *v, const struct sim_access *a);
/* What the reference walker says now. False: *gpa is the error code. */
bool sim_reference(const struct sim_vcpu *v, const struct sim_access *a, u64 *gpa);
/* Where the last such walk read the entry that is so far above the last one; ~0: none. */
u64 sim_reference_entry(u32 up);

/* --- hardware (hw.c) -------------------------------------------------------------------------- */

/* World switch into the guest; flush: the tag's entries are dropped. */
void sim_hw_enter(struct sim_vcpu *v, bool flush);
/* True and the host address, or the error code of the fault. */
bool sim_hw_translate(struct sim_vcpu *v, const struct sim_access *a, u64 *hpa, u32 *error);
/* Fills caches for an address that nobody has accessed. */
void sim_hw_speculate(struct sim_vcpu *v, u64 gva);
void sim_hw_invlpg(struct sim_vcpu *v, u64 gva);
void sim_hw_drop(struct sim_vcpu *v);
/* A walk of the shadow as fresh hardware does it, cached by nobody; v is in guest. */
bool sim_hw_peek(struct sim_vcpu *v, u64 gva, struct sim_tlbe *t);

/* --- actions (actor.c) ------------------------------------------------------------------------ */

struct sim_out sim_access(struct sim_vcpu *v, const struct sim_access *a);
/* What hardware can do without an exit. False: it would fault. */
bool sim_touch(struct sim_vcpu *v, const struct sim_access *a);
/* The turn of a CPU that runs no guest. */
struct sim_turn sim_elsewhere(void);
/* Enters the guest (and leaves it). False: no memory. */
bool sim_enter(struct sim_vcpu *v);
void sim_exit(struct sim_vcpu *v);
/* The vCPU begins to run on the direct map, or on a shadow, as its registers call for. */
void sim_follow_paging(struct sim_vcpu *v);
/* Register writes of the guest. False: #GP, checked against the manual. */
bool sim_write_regs(struct sim_vcpu *v, const struct mmu_regs *r, enum mmu_reg_write what);
void sim_invlpg(struct sim_vcpu *v, u64 gva);
bool sim_invpcid(struct sim_vcpu *v, u64 type, u64 pcid, u64 gva);
int sim_set_caps(struct sim_vcpu *v, const struct mmu_caps *c);

/* Others: a device through mmu_write(), through a pointer and mmu_wrote(), or unnoticed. */
enum sim_how {
	SIM_BY_WRITE,
	SIM_BY_CMPXCHG,
	SIM_BY_POINTER,
	SIM_BY_NOBODY
};

bool sim_dma(u64 gpa, u64 value, u8 size, enum sim_how how);
/* The vCPUs on other CPUs that are in guest go on for a moment. */
void sim_meanwhile(void);

/* --- scripts (build.c) ------------------------------------------------------------------------ */

/* Entry bits by name, for tables that tests build. */
#define P_  1ULL
#define W_  2ULL
#define U_  4ULL
#define A_  0x20ULL
#define D_  0x40ULL
#define PS_ 0x80ULL
#define G_  0x100ULL
#define NX_ BIT(63)

/* An address space of a guest: where its tables are. Frames are handed out from a counter. */
struct sim_space {
	enum sim_mode mode;
	u64 cr3;
};

/* Frames for tables come from here on. */
void sim_tables_at(u64 gfn);
u64 sim_table_alloc(void);
struct sim_space sim_space_new(enum sim_mode mode);
/* The same with the PDPT (or root) at a given place. */
struct sim_space sim_space_at(enum sim_mode mode, u64 cr3);
/* Maps the page of gva at level (1 = 4 KiB) to gpa. Missing tables are added with P W U A. Stores
 * are pokes: for a vCPU that has not seen the tables. */
void sim_map(const struct sim_space *s, u64 gva, u64 gpa, u64 flags, u32 level);
/* Guest-physical address of the entry at a level; fails if there is no table. */
u64 sim_pte(const struct sim_space *s, u64 gva, u32 level);
u8 sim_pte_size(enum sim_mode mode);
/* Linear address of the page that these indices, root first, lead to. */
u64 sim_gva(enum sim_mode mode, const u32 *index);
u32 sim_levels(enum sim_mode mode);
u32 sim_index_bits(enum sim_mode mode);
/* Bits of a linear address below the index of this level. */
u32 sim_shift(enum sim_mode mode, u32 level);

/* Puts the vCPU into a mode with these tables, WP and NXE as asked for; everything is flushed. */
void sim_set_space(struct sim_vcpu *v, const struct sim_space *s, bool wp, bool nx);
void sim_load_cr3(struct sim_vcpu *v, u64 cr3);
/* One access by gva with sensible rest; see enum sim_end. */
struct sim_out sim_do(struct sim_vcpu *v, u64 gva, u32 access);
struct sim_out sim_store(struct sim_vcpu *v, u64 gva, u64 value, u8 size);
void sim_expect_ok(struct sim_vcpu *v, u64 gva, u32 access, u64 gpa);
void sim_expect_pf(struct sim_vcpu *v, u64 gva, u32 access, u32 error);
u64 sim_stat(enum mmu_stat_id id);
