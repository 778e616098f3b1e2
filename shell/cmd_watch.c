/* SPDX-License-Identifier: BSD-2-Clause */
/* mmu watch: says when the guest next touches a frame. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "mmu/mmu.h"
#include "shell/mmu_text.h"
#include "vm/target.h"
#include "vm/vm.h"
#include "vm/watch.h"

static void show_hit(struct out *o, const struct vm *vm, const struct watch *w)
{
	bool hit = w->state == WATCH_HIT;
	char vcpu[CFG_NAME_MAX + 4] = "-", gva[20] = "-";

	if (hit)
		snprintf(vcpu, sizeof(vcpu), "%s.%u", vm->cfg.name, w->vcpu);
	if (hit && w->has_gva)
		snprintf(gva, sizeof(gva), "0x%llx", (unsigned long long)w->gva.v);
	out_str(o, "vcpu", -10, vcpu);
	out_str(o, "access", -7,
		!hit                 ? "-"
		: w->walk            ? "walk"
		: w->access == MMU_X ? "execute"
		: w->access == MMU_W ? "write"
				     : "read");
	out_hex(o, "gpa", -14, w->gpa.v);
	out_str(o, "gva", -18, gva);
	out_hex(o, "rip", -18, w->rip);
}

static void show(struct out *o, const struct vm *vm, const struct watch *w)
{
	out_begin(o);
	out_hex(o, "gfn", -12, w->gfn.v);
	out_str(o, "watch", -5, rights_text(w->right));
	out_str(o, "catches", -7, rights_text(watch_catches(vm, w->right)));
	out_str(o, "state", -5, w->state == WATCH_HIT ? "hit" : "armed");
	show_hit(o, vm, w);
	out_end(o);
}

static void show_all(struct out *o, struct vm *vm)
{
	out_heading(o);
	for (u32 i = 0; i < VM_MAX_WATCHES; i++) {
		struct watch w = watch_get(vm, i);

		if (w.state != WATCH_NONE)
			show(o, vm, &w);
	}
}

static void add(struct out *o, struct vm *vm, gfn_t gfn, u32 right)
{
	const char *name = vm->cfg.name;

	switch (-watch_add(vm, gfn, right)) {
	case 0:
		out_heading(o);
		show(o, vm, &(struct watch){ .gfn = gfn, .right = right, .state = WATCH_ARMED });
		if (right == MMU_R && watch_catches(vm, right) & MMU_X)
			out_text(o,
				 "execution counts, too: these tables cannot tell it from reading");
		break;
	case ENOENT:
		out_error(o, "frame %#llx of %s is not RAM; mmu slots %s shows what is",
			  (unsigned long long)gfn.v, name, name);
		break;
	case EEXIST:
		out_error(o,
			  "frame %#llx of %s is watched already; mmu watch %s %#llx off ends that",
			  (unsigned long long)gfn.v, name, name, (unsigned long long)gfn.v);
		break;
	case ENOSPC:
		out_error(o, "%s has %u watches, which is all there can be; off ends one of them",
			  name, VM_MAX_WATCHES);
		break;
	default:
		out_error(o, "out of memory for the tables that a watch of %s takes", name);
		break;
	}
}

static void run_watch(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);
	const char *kind = argc > 2 ? argv[2] : "r";
	u64 gfn = 0;

	if (!vm)
		return;
	if (argc == 1)
		show_all(o, vm);
	else if (cmd_parse_u64(argv[1], &gfn))
		out_error(o, "%s is not the number of a frame", argv[1]);
	else if (strcmp(kind, "r") == 0)
		add(o, vm, GFN(gfn), MMU_R);
	else if (strcmp(kind, "w") == 0)
		add(o, vm, GFN(gfn), MMU_W);
	else if (strcmp(kind, "x") == 0)
		add(o, vm, GFN(gfn), MMU_X);
	else if (strcmp(kind, "off") != 0)
		out_error(o, "%s is none of r, w, x and off", kind);
	else if (watch_remove(vm, GFN(gfn)))
		out_error(o, "frame %#llx of %s is not watched", (unsigned long long)gfn,
			  vm->cfg.name);
}

static void complete(int idx, void (*add_word)(void *arg, const char *word), void *arg)
{
	target_complete_vm(idx, add_word, arg);
	for (u32 i = 0; i < 4 && idx == 2; i++)
		add_word(arg, (const char *const[]){ "r", "w", "x", "off" }[i]);
}

SHELL_CMD(cmd_mmu_watch, "mmu", "watch", "VM [GFN] [r|w|x|off]",
	  "Tells once, in the log, when the guest next touches (r), writes or executes a frame",
	  "mmu watch linux 0x1000 w", run_watch, complete);
