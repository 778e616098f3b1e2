/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/target.h"

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "vm/vm.h"

struct vm *target_vm(struct out *o, const char *name)
{
	struct vm *vm = vm_find(name);

	if (!vm)
		out_error(o, "there is no machine named %s; vm list shows all", name);
	return vm;
}

struct vcpu *target_vcpu(struct out *o, const char *name)
{
	char copy[CFG_NAME_MAX + 12];
	char *dot;
	u64 id = 0;
	struct vm *vm;

	snprintf(copy, sizeof(copy), "%s", name);
	dot = strrchr(copy, '.');
	if (dot)
		*dot = '\0';
	vm = target_vm(o, copy);
	if (!vm)
		return NULL;
	if (dot && (cmd_parse_u64(dot + 1, &id) != 0 || id >= vm->nr_vcpus)) {
		out_error(o, "%s has no virtual CPU %s; it has 0 to %u", copy, dot + 1,
			  vm->nr_vcpus - 1);
		return NULL;
	}
	return vm->vcpu[id];
}

void target_complete_vm(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	for (u32 i = 0; i < nr_vms && idx == 0; i++)
		add(arg, vms[i]->cfg.name);
}

void target_complete_vcpu(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	char name[CFG_NAME_MAX + 12];

	for (u32 i = 0; i < nr_vms && idx == 0; i++)
		for (u32 n = 0; n < vms[i]->nr_vcpus; n++) {
			snprintf(name, sizeof(name), "%s.%u", vms[i]->cfg.name, n);
			add(arg, name);
		}
}

/* One call at a time: commands run on one thread. */
static struct {
	struct out out;
	void (*fn)(struct vcpu *v, struct out *o);
	size_t fill;
	bool cut;
	char text[24 * 1024];
} cap;

static void capture(void *arg, const char *s, size_t n)
{
	(void)arg;
	if (n > sizeof(cap.text) - cap.fill) {
		cap.cut = true;
		return;
	}
	memcpy(cap.text + cap.fill, s, n);
	cap.fill += n;
}

static void call(struct vcpu *v, void *arg)
{
	(void)arg;
	cap.fn(v, &cap.out);
}

void target_call(struct out *o, struct vcpu *v, void (*fn)(struct vcpu *v, struct out *o))
{
	out_init(&cap.out, capture, NULL, o->json);
	cap.fn = fn;
	cap.fill = 0;
	cap.cut = false;
	vcpu_call(v, call, NULL);
	o->write(o->arg, cap.text, cap.fill);
	if (cap.cut)
		out_text(o, "[the rest is cut]");
}
