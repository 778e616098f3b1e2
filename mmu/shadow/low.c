/* SPDX-License-Identifier: BSD-2-Clause */
/* The store of 32-byte tables: free ones are chained through their first word. */
#include "mmu/shadow/root_priv.h"

#include <errno.h>
#include <string.h>

#include "mmu/mmu_env.h"
#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"

static struct {
	struct env_lock lock;
	u64 first; /* free, host physical; 0 = none */
	u32 nr_free;
} low;

int mmu_shadow_low_init(hpa_t base, u32 nr)
{
	if ((base.v + ((u64)nr << PAGE_SHIFT) > SZ_4G && !MUTANT(S2_05_LOW_ANYWHERE)) ||
	    base.v == 0)
		return -EINVAL;
	env_lock_init(&low.lock, ENV_RANK_POOL);
	low.first = 0;
	low.nr_free = 0;
	for (u32 i = 0; i < nr * (PAGE_SIZE / LOW_BYTES); i++)
		low_free(HPA(base.v + (u64)i * LOW_BYTES));
	return 0;
}

hpa_t low_alloc(void)
{
	hpa_t a;
	u64 *p;

	env_lock(&low.lock);
	a = HPA(low.first);
	if (a.v) {
		p = env_ptr(a);
		low.first = *p;
		low.nr_free--;
		memset(p, 0, LOW_BYTES);
	}
	env_unlock(&low.lock);
	return a;
}

void low_free(hpa_t a)
{
	env_lock(&low.lock);
	*(u64 *)env_ptr(a) = low.first;
	low.first = a.v;
	low.nr_free++;
	env_unlock(&low.lock);
}

u32 low_nr_free(void)
{
	return low.nr_free;
}
