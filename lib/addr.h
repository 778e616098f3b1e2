/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address types. Each address space has a one-word struct of its own, so passing one where
 * another is expected does not compile; at -O2 the struct costs nothing.
 *
 *	gva_t	guest virtual
 *	gpa_t	guest physical as the L1 guest sees it		gfn_t	its frame number
 *	ngpa_t	guest physical of a nested (L2) guest		ngfn_t	its frame number
 *	hpa_t	host physical					hfn_t	its frame number
 *
 * A plain pointer is a host virtual address.
 */
#pragma once

#include "lib/types.h"

typedef struct {
	u64 v;
} gva_t;

typedef struct {
	u64 v;
} gpa_t;

typedef struct {
	u64 v;
} ngpa_t;

typedef struct {
	u64 v;
} hpa_t;

typedef struct {
	u64 v;
} gfn_t;

typedef struct {
	u64 v;
} ngfn_t;

typedef struct {
	u64 v;
} hfn_t;

#define GVA(x)  ((gva_t){ (x) })
#define GPA(x)  ((gpa_t){ (x) })
#define NGPA(x) ((ngpa_t){ (x) })
#define HPA(x)  ((hpa_t){ (x) })
#define GFN(x)  ((gfn_t){ (x) })
#define NGFN(x) ((ngfn_t){ (x) })
#define HFN(x)  ((hfn_t){ (x) })

static inline gfn_t gpa_to_gfn(gpa_t a)
{
	return GFN(a.v >> PAGE_SHIFT);
}

static inline gpa_t gfn_to_gpa(gfn_t f)
{
	return GPA(f.v << PAGE_SHIFT);
}

static inline hfn_t hpa_to_hfn(hpa_t a)
{
	return HFN(a.v >> PAGE_SHIFT);
}

static inline hpa_t hfn_to_hpa(hfn_t f)
{
	return HPA(f.v << PAGE_SHIFT);
}
