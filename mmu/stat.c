/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters, and names of them and of verdicts. */
#include "mmu/stat.h"

#include "mmu/mmu.h"

static const struct {
	const char *name, *help;
} stats[MMU_STAT_NR] = {

#define X(id, name, help) { name, help },
	MMU_STATS(X)
#undef X
};

u64 mmu_stat_get(const struct mmu_vm *m, enum mmu_stat_id id)
{
	return __atomic_load_n(&m->stat.count[id], __ATOMIC_RELAXED);
}

const char *mmu_stat_name(enum mmu_stat_id id)
{
	return stats[id].name;
}

const char *mmu_stat_help(enum mmu_stat_id id)
{
	return stats[id].help;
}

const char *mmu_verdict_name(enum mmu_verdict v)
{
	static const char *const names[] = {
#define X(id, name) [MMU_##id] = (name),
		MMU_VERDICTS(X)
#undef X
	};

	return names[v];
}
