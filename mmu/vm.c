/* SPDX-License-Identifier: BSD-2-Clause */
/* Life of a VM's MMU: the root, the pre-built map, the end. */
#include "mmu/vm.h"

#include <errno.h>

#include "mmu/direct.h"
#include "mmu/mmu.h"
#include "mmu/slot_priv.h"

static int build_root(struct mmu_vm *m)
{
	struct mmu_res r = { .nr = 0 };
	int rc = res_fill(m, &r, 1);
	spx_t x;

	if (rc)
		return rc;
	x = res_take(&r, SP_LIVE);
	sp_get(x)->role = role_direct(mmu_hw.root_level);
	m->root = (struct mmu_root){
		.kind = RK_DIRECT,
		.level = mmu_hw.root_level,
		.sp = x,
		.hw = sp_hpa(x),
	};
	return 0;
}

int mmu_vm_init(struct mmu_vm *m, const struct mmu_vm_cfg *cfg)
{
	if (cfg->vm_id >= MMU_MAX_VMS)
		return -EINVAL;
	*m = (struct mmu_vm){
		.epoch = 1,
		.flush_floor = 1, /* a new tag has flushed_epoch 0: it flushes first */
		.id = cfg->vm_id,
		.quota = cfg->quota_pages,
		.gfn_limit = 1ULL << MIN(MMU_LEVEL_BITS * mmu_hw.root_level,
					 mmu_hw.maxphyaddr - PAGE_SHIFT),
	};
	env_lock_init(&m->lock, ENV_RANK_VM);
	return build_root(m);
}

void vm_choose_ram(struct mmu_vm *m)
{
	const struct slot *s;
	struct slot *best = NULL;

	for (u32 i = 0; (s = mmu_slot_nth(m, i)); i++)
		if (s->kind == SLOT_RAM && (!best || s->nr > best->nr))
			best = &m->slots.slot[slot_index(m, s)];
	if (best)
		m->ram = (struct mmu_ram){
			.gpa = gfn_to_gpa(best->gfn).v,
			.bytes = best->nr << PAGE_SHIFT,
			.host = env_ptr(hfn_to_hpa(best->hfn)),
			.slot = best,
		};
}

int mmu_prebuild(struct mmu_vm *m)
{
	const struct slot *s;

	for (u32 i = 0; (s = mmu_slot_nth(m, i)); i++) {
		int rc = direct_refit(m, s->gfn, s->nr);

		if (rc)
			return rc;
	}
	vm_choose_ram(m);
	m->prebuilt = true;
	return 0;
}

void mmu_vm_fini(struct mmu_vm *m)
{
	const struct slot *s;

	shadow_fini(m);
	while ((s = mmu_slot_nth(m, 0)))
		if (mmu_slot_remove(m, s->gfn))
			break;
	if (m->root.kind == RK_NONE)
		return;
	env_lock(&m->lock);
	pool_zap(m, m->root.sp);
	m->root = (struct mmu_root){ .kind = RK_NONE };
	while (!tree_zap(m, MMU_ENTRIES))
		;
	/* No vCPU runs any more: what is waited for is lock-free readers, which are short. */
	for (pool_drain(m); m->quarantine; pool_drain(m))
		env_relax();
	env_unlock(&m->lock);
}
