/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of mmu/ that can be broken in a hosted build, one at a time; see mmu/mutant.h. */
#pragma once

#include "lib/types.h"

extern int mutant_on; /* tests/host/mutant.c: from the environment */
/* The mutant is the one that takes this event (enum mmu_event) for none. */
bool mutant_forgets(int event);

/* X(id, "the rule that is broken"). The order has no meaning; docs/seeds.md says which test. */
#define MMU_MUTANTS(X)                                                                             \
	X(KEYS_ONLY_WITH_PKE, "a leaf has its key also while the guest does not use keys")         \
	X(PDPTES_FROM_NOWHERE, "PDPTEs outside memory are not loaded")                             \
	X(ROOTS_UNBOUNDED, "no context keeps more roots than it has room for")                     \
	X(SLOT_ADDED_UNSEEN, "tables that were outside memory are shadowed afresh in a new slot")  \
	X(SLOT_GONE_ROOT_STAYS, "tables in a slot that goes are not used again")                   \
	X(ROOTS_15, "a context keeps 16 roots")                                                    \
	X(LINKS_NOT_FOLLOWED, "a fault follows links that lead to a leaf table")                   \
	X(S2_02_TABLES_GO_WITH_ROOT, "the tables below a root outlive it")                         \
	X(S2_04_LOW_IN_FAULT, "a fault takes no memory below 4 GiB")                               \
	X(S2_04_LOW_NOT_RECLAIMED, "a root gets the low memory of older ones")                     \
	X(S2_05_LOW_ANYWHERE, "a PDPT for hardware lies below 4 GiB")                              \
	X(S2_06_PDPTE_IS_ENTRY, "a PDPTE for hardware has no rights")                              \
	X(S2_10_RAW_KEY, "a PDPTE's ignored bits are not in the key")                              \
	X(S2_10_NOT_LATCHED, "PDPTEs are read at the events that load them")                       \
	X(S2_10_RESERVED_LOADED, "PDPTEs with reserved bits are not loaded")                       \
	X(S2_12_KEY_IS_CR3, "where PDPTEs were read from is not in the key")                       \
	X(S2_13_ROOT_PER_VCPU, "vCPUs with one key share the root")                                \
	X(S0_01_ROLE_NOT_IN_KEY, "a root is found by its whole key")                               \
	X(S0_02_KEPT_BY_NEW_MODE, "whether a root is kept does not follow from the next mode")     \
	X(S0_05_FREED_BY_CHILDREN, "a root is freed as what its tag says")                         \
	X(S0_06_FREED_BY_MODE, "a root is not freed as what the mode says")                        \
	X(S0_07_TAG_GUESSED, "what a root points to is known by its tag")                          \
	X(S0_10_BUILT_AT_ONCE, "a root is built at the next entry, not by the write")              \
	X(S0_11_TOGGLE_TEARS_DOWN, "a change of the role drops no root")                           \
	X(S0_14_FLUSH_FORGOTTEN, "the tag of another root is flushed before it is used")           \
	X(S0_03_PAE_UNCACHED, "roots of PAE guests are kept in the cache")                         \
	X(S0_04_NO_SEARCH_FROM_PAE, "the cache is searched whatever the root is")                  \
	X(S0_08_GARBAGE_CACHED, "a root that must not be kept does not enter the cache")           \
	X(S0_09_B_MISS_DROPS, "a miss from such a root drops nothing")                             \
	X(S1_01_NO_VALID_BIT, "a role says itself that it is one")                                 \
	X(S1_04_CAPS_NOT_IN_ROLE, "the role names the record of CPUID")                            \
	X(S1_04_LAST_ROLE_KEPT, "a role at hand is forgotten with the CPUID it was made for")      \
	X(S1_06_CAPS_SHARED, "two different records of CPUID are never the same one")              \
	X(S1_07_PSE_NO_FORMAT, "CR4.PSE is another format, not the same one")                      \
	X(S1_07_FORMAT_IN_PLACE, "another format of tables is another root, never made in place")  \
	X(S1_10_CAPS_WAIT, "a new CPUID holds at once, whatever comes next")                       \
	X(S1_11_LMA_UNCHECKED, "long mode and CR0.PG come together")                               \
	X(S2_03_ROOT_BIT, "a table's role does not say whether it is a root")                      \
	X(S2_07_ONE_QUADRANT, "each root's plan names all parts of the guest's table")             \
	X(S2_08_WP_NOT_COMPARED, "a table is synced only by a mode with equal rules")              \
	X(S0_13_OBSOLETE_ROOT_USED, "an obsolete root is never found again")                       \
	X(S2_01_PAE_KEY_IS_FRAME, "the key of a PAE root is its four entries")                     \
	X(S3_03_NO_COMPARE, "each entry of the walk is compared before it is linked")              \
	X(S3_05_FREEZE_WITHOUT_FLUSH, "a frozen table is flushed before it is trusted")            \
	X(S3_05_LAZY_W_FORGOTTEN, "a freeze flushes rights dropped without a flush")               \
	X(S3_06_LEAF_NOT_COMPARED, "the leaf entry is compared, too")                              \
	X(S3_13_STORE_BEFORE_ZAP, "a trapped store comes after its shadow entries are gone")       \
	X(S4_04_CLEAR_BEFORE_ADD, "a bit is cleared only for what is in the vector")               \
	X(S4_11_DOUBLE_DECREMENT, "a bit that is clear is not counted down again")                 \
	X(S4_12_SYNC_BEFORE_FREEZE, "all pages of a vector are frozen before one is synced")       \
	X(UNSYNC_A_LINK_WITHOUT_SYNC, "an unsync page is synced before it is linked")              \
	X(CVE_2026_53359_ROLE_IGNORED, "a linked child is used only if its role matches in full")  \
	X(CVE_2026_64561_ROOT_RECLAIMED, "what a root points to is not reclaimed")                 \
	X(CVE_2026_23401_NO_DROP, "a leaf for another frame is dropped before it is overwritten")  \
	X(I16_LARGE_OVER_SHADOWED, "no large leaf covers a shadowed frame")                        \
	X(EVENT_CR3, "a write of CR3 flushes, also of the same value")                             \
	X(EVENT_CR4_PGE, "a write that changes CR4.PGE flushes")                                   \
	X(EVENT_CR4_PSE, "a write that changes CR4.PSE flushes")                                   \
	X(EVENT_CR4_PCIDE_OFF, "CR4.PCIDE going off flushes")                                      \
	X(EVENT_CR4_SMEP_ON, "CR4.SMEP going on flushes")                                          \
	X(EVENT_INVPCID_ADDR, "INVPCID 0 flushes its address")                                     \
	X(EVENT_INVPCID_SPACE, "INVPCID 1 flushes the current space")                              \
	X(EVENT_INVPCID_ALL, "INVPCID 2 flushes everything")                                       \
	X(EVENT_INVPCID_NONGLOBAL, "INVPCID 3 flushes all but global pages")                       \
	X(EVENT_PDPTES_KEPT, "PDPTEs are read again when CR0 or CR4 change")                       \
	X(FLUSH_EVENT_WITHOUT_SYNC, "a flush by the guest syncs the root")                         \
	X(INSTALL_WITHOUT_SYNC, "a root is synced whenever it is installed")                       \
	X(INVLPG_WITHOUT_SYNC, "INVLPG re-reads the entry of its address")                         \
	X(INVLPG_KEEPS_SPLINTERS, "INVLPG in a large page flushes all of it")                      \
	X(PF_DELIVERY_WITHOUT_SYNC, "delivery of a #PF re-reads the entry of its address")         \
	X(SLOT_GONE_TABLES_STAY, "what were tables before a slot went is written freely")          \
	X(QUADRANT_ONE_OF_TWO, "a directory entry of 4 bytes stands for two shadow entries")       \
	X(ZAP_ALL_WITHOUT_FLUSH, "no CPU uses obsolete tables after they were declared so")        \
	X(ACCESS_OF_WHOLE_WALK, "a table inherits what the entries above it allow, no more")       \
	X(AD_WRITES_ROM, "accessed and dirty bits are set in RAM alone")                           \
	X(AD_OF_ROM_BELIEVED, "bits that could not be set in ROM are not in the walk")             \
	X(MULTIHIT_LARGE, "with the erratum no executable leaf is large")                          \
	X(UNPAGED_FINDS_SHADOWS, "what is shadowed goes before a vCPU runs on the direct map")     \
	X(UNPAGED_UNSEEN, "a table that is shadowed is written through no direct map")             \
	X(UNPAGED_LARGE, "no large leaf of the direct map covers a shadowed frame then")           \
	X(CHUNKS_SPARSE, "only the first chunk of a list is partly filled")                        \
	X(DOWNGRADE_UNFLUSHED, "rights that are taken away are flushed")                           \
	X(L1TF_LEAK, "an entry that faults names no cacheable memory")                             \
	X(MMIO_GEN_UNCHECKED, "a device entry older than the slots is not believed")               \
	X(PS_NOT_RESERVED, "PS is reserved above level 3")                                         \
	X(S2_11_PAE_IS_LONG, "a PAE table is never taken for one of long mode")                    \
	X(S3_11_NO_REWALK, "a walk whose entry has changed under it starts again")                 \
	X(SPURIOUS_FOR_EVER, "a fault that never ends stops the machine")                          \
	X(S1_07_NEEDLESS_SMEP, "SMEP is no part of a table's role while CR0.WP is set")            \
	X(S3_01_STORE_WITHOUT_ZAP, "a store to a shadowed table drops what was made from it")      \
	X(S3_03_NEIGHBOUR_COMPARED, "it is the entry of this level that is compared")              \
	X(S3_04_FRESHLY_FROZEN_TRUSTED, "a table that the fault itself froze is compared, too")    \
	X(S3_07_LINKS_WITHOUT_LOCK, "only the lock makes a link as good as a comparison")          \
	X(S3_07_KEY_FORGOTTEN, "and so does the key of a large page")                              \
	X(S3_07_RIGHTS_OF_LAST_ENTRY, "the rights of upper entries hold by links, too")            \
	X(S3_08_CHILD_FRAME_IGNORED, "a linked child of another frame is not used")                \
	X(S3_09_ENTRY_READ_TWICE, "one read of a line serves to compare and fill ahead")           \
	X(S3_10_RESERVE_LOST, "a fault that must be retried gives back what it reserved")          \
	X(S3_11_OLD_VALUE_KEPT, "the walk is compared as it left the entries, with A and D")       \
	X(LOST_WRITE_PROTECTION, "a writable leaf for another frame than before is checked again") \
	X(CVE_2026_64561_ROOT_NOT_VALIDATED, "the root is looked at under the lock")               \
	X(TABLE_RIGHTS_NOT_INHERITED, "a table has the rights that the entries above it leave")    \
	X(CVE_2022_1789_NO_ROOT_CHECK, "flush instructions work before there is a root")           \
	X(NWP_SMEP_EXECUTABLE, "a user page made the supervisor's is not executable under SMEP")   \
	X(NWP_KEEPS_USER, "a page that the supervisor may write without CR0.WP is not the user's") \
	X(NWP_SMAP_MAPPED, "what only AC allows without CR0.WP is emulated")                       \
	X(NWP_WRITE_WITHOUT_DIRTY, "without CR0.WP, too, the first write sets D")                  \
	X(XSA_173_FRAME_TRUNCATED, "a frame number is never cut short")                            \
	X(XSA_410_ONE_HOLD, "obsolete tables are freed in slices")                                 \
	X(XSA_430_MEMORY_ASSUMED, "no memory is thought to be where there is no slot with some")   \
	X(XSA_438_ROOT_NOT_HELD, "a root found in the VM is referenced at once")                   \
	X(REFIT_UNFLUSHED, "rights taken from shadow leaves are flushed")                          \
	X(NX_OF_HARDWARE, "reserved bits follow from the guest's registers")                       \
	X(PSE36_UNGATED, "address bits of a 4 MiB page beyond 32 need PSE-36")                     \
	X(PS_WITHOUT_PSE, "PS of a directory entry means nothing without CR4.PSE")                 \
	X(XSA_427_LOG_ASSUMED, "whether there is a log is looked at under the lock")               \
	X(RMAP_UNBOUNDED, "a frame's list of leaves has an upper bound")                           \
	X(S3_07_ACCESSED_NOT_SET, "A and D are set before the leaf is made, by links, too")        \
	X(S2_08_LEVEL_COMPARED, "where a table stands does not matter to its sync")                \
	X(S4_01_ONE_UNRESOLVED, "every page of a vector is brought up to date")                    \
	X(S4_02_BITS_KEPT, "bits are cleared while pages are collected")                           \
	X(S4_03_ONE_HOLD, "the lock is given up between two vectors")                              \
	X(S4_03_WITHOUT_END, "a vCPU waits for others' writes so often and no more")               \
	X(S4_05_INTERIOR_UNSYNC, "only leaf tables go out of sync")                                \
	X(S4_06_STALE_BIT_KEPT, "a bit with nothing unsync below is cleared")                      \
	X(S4_07_MORE_IS_THE_END, "a full vector is resolved and the collection goes on")           \
	X(S4_08_WAY_CLEARED, "the way to what is not collected keeps its bits")                    \
	X(S4_10_NO_DEDUP, "a page is in a vector once")                                            \
	X(UNSYNC_B_ROLE_OF_ANOTHER, "a page is synced by the rules of its own role")               \
	X(UNSYNC_C_WRITABLE_LEFT, "what is about to be in sync is mapped writable nowhere")        \
	X(UNSYNC_D_NOT_MARKED, "a table that is mapped writable is marked")                        \
	X(OWN_TABLE_UNSEEN, "a write to a table of the instruction's own walk is not retried")     \
	X(ROOT_UNSHADOWED, "a write to a current root is not retried")                             \
	X(LARGE_NEVER, "a large guest page is shadowed by a large leaf where that is possible")    \
	X(STORE_TOUCHES_ONE, "a store touches every entry that it overlaps")                       \
	X(FLOOD_UNSEEN, "a table that is written again and again is dropped")                      \
	X(FLOOD_FOR_EVER, "the count of stores begins again when a table is used")                 \
	X(CMPXCHG_UNSEEN, "a compare-exchange is a store")                                         \
	X(POINTER_STORE_UNSEEN, "a reported store through a pointer is a store")                   \
	X(REFIT_FORGOTTEN, "tracking and logging take W from what is mapped")                      \
	X(DIRTY_NOT_SET, "the first write to a logged frame is noted")                             \
	X(PARENTS_UNBOUNDED, "a table's list of parents has an upper bound")                       \
	X(SLOT_GONE_ONE_HOLD, "a slot is unmapped in slices")                                      \
	X(SLOT_LEAVING_MAPPED, "a slot that is being unmapped gets no new leaves")                 \
	X(SLOT_MAPPED_EARLY, "a slot is mapped only once its reverse map is complete")             \
	X(QUARANTINE_IGNORED, "a table is not used again before all tags forget it")               \
	X(PCID_TAGS_SHARED, "another PCID is another tag, also over the same tables")              \
	X(PF_OF_EMULATOR_UNFLUSHED, "a #PF that hardware has not raised flushes its address")      \
	X(ROOT_SYNC_ASSUMED, "a root with unsync tables below is synced before it is used")        \
	X(ROOT_SYNC_OF_FIRST, "all tables of a root are looked at for that")                       \
	X(ROOT_SYNC_UNSEEN, "a root in sync is ready at once")                                     \
	X(USED_NOT_SPARED, "reclaim spares tables used since its last look")                       \
	X(USED_FOR_EVER, "each use spares a table once")                                           \
	X(USED_STAYS_LAST, "a spared table goes behind those not looked at yet")                   \
	X(USED_KEPT_FROM_OTHERS, "when all tables are in use the oldest go")                       \
	X(LISTS_KEEP_ALL, "memory of lists is given back before there is none")                    \
	X(NOTHING_TO_TAKE_IS_NOMEM, "pages that others have dropped meanwhile are found")          \
	X(FLOOD_SPARES_PARKED_ROOTS, "a root that is only written is dropped, too")                \
	X(EXEC_ONLY_ASSUMED, "an entry has X without R only where hardware can")                   \
	X(READ_LOSS_UNFLUSHED, "the loss of R is flushed, also where X stays")                     \
	X(READ_TRACK_IGNORED, "a track takes R if it says so")                                     \
	X(READ_TRACK_PROTECTS, "a frame without R has no shadow leaf")                             \
	X(READ_TRACK_UNFLUSHED, "and is flushed when it had none already")                         \
	X(READ_TRACK_FILLED, "nor does a fault make one")                                          \
	X(READ_TRACK_PREFETCHED, "or the filling of its neighbours")                               \
	X(EXEC_TRACK_SYNCED, "a sync gives no leaf X that it did not have")

enum mutant {
	MUTANT_NONE,
#define X(id, rule) MUTANT_##id,
	MMU_MUTANTS(X)
#undef X
	MUTANT_NR,
};
