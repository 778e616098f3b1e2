/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real header, but a host-physical address is the pointer itself. Link tests/host/fake/mem.c.
 */
#pragma once

#define hpa_ptr real_hpa_ptr
#define ptr_hpa real_ptr_hpa
#include "../../../../arch/mem.h"
#undef hpa_ptr
#undef ptr_hpa

static inline void *hpa_ptr(hpa_t a)
{
	return (void *)a.v;
}

static inline hpa_t ptr_hpa(const void *p)
{
	return HPA((u64)p);
}

/* Allocations that are to succeed before the next ones fail; starts without a limit. */
extern u64 fake_mem_budget;
/* Objects and runs of frames that are allocated now: 0 at the end of a test that frees all. */
extern u64 fake_mem_live;
