/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random addresses, entries and accesses that are worth trying. Frames have a level: entries of a
 * table usually point to frames of the level below, so that walks get far, tables are shared at
 * will, and now and then a frame is a table of two levels or formats at a time.
 */
#pragma once

#include "tests/sim/sim.h"

/* A frame that begins as a table. */
u64 choose_table(void);
/* 1 for frames that begin as data. */
u32 level_of_frame(u64 gfn);
u64 choose_gva(enum sim_mode mode);
/* One that was accessed lately, not long ago at least. */
u64 choose_hot(const struct sim_vcpu *v);
void choice_worked(const struct sim_vcpu *v, u64 gva);
/* Of an entry in a table. */
u64 choose_offset(u8 size);
u64 choose_entry(enum sim_mode mode, u32 level);
u64 choose_cr3(enum sim_mode mode);
void choose_access(struct sim_vcpu *v, struct sim_access *a);
void fill_tables(enum sim_mode mode);
/* A PDPT that can be loaded; its address. */
u64 fill_pdpt(void);
