/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in the tables of mmu/, in words. */
#pragma once

#include "lib/types.h"

#include "mmu/role.h"

/*
 * These two return the length, as snprintf does. Of the direct map: "leaf R-X", "table", "mmio",
 * "-".
 */
int spte_text(u64 e, char *buf, size_t size);
/* "lm4 nx wp access=rwux caps=0" */
int role_text(union page_role role, char *buf, size_t size);

/* Of MMU_R, MMU_W and MMU_X: "rw", "x", "-". */
const char *rights_text(u32 rights);

/* These return buf. */
#define WORDS_MAX 48

/* "leaf P W U A", "table P", "-". Both kinds of entry have their flags at the same places. */
const char *gpte_words(u64 e, u32 level, char buf[WORDS_MAX]);
const char *sspte_words(u64 e, char buf[WORDS_MAX]);
/* What the guest's entry said: "P W U A D key 3". */
const char *source_words(u64 word, char buf[WORDS_MAX]);
/* "4-level nx wp": the mode that a page or root belongs to. */
const char *mode_words(union page_role role, char buf[WORDS_MAX]);
