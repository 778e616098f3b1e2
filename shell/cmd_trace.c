/* SPDX-License-Identifier: BSD-2-Clause */
/* trace: switching the event rings on and off, and printing them. */

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"
#include "lib/trace.h"

#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/timer.h"
#include "vm/exit.h"
#include "vm/target.h"
#include "vm/vm.h"

#define RING_RECORDS 4096 /* 160 KiB for each CPU, taken at the first "trace on" */
#define RING_FRAMES  (RING_RECORDS * sizeof(struct trace_rec) / PAGE_SIZE)

static bool has_rings;

static u32 cpu_idx(void)
{
	return this_cpu()->idx;
}

static bool make_rings(struct out *o)
{
	trace_init(cpu_idx);
	for_each_cpu(i) {
		void *room = frames_alloc(RING_FRAMES, 1, 0);

		if (!room) {
			out_error(o, "out of memory: CPU %u and above are not traced", i);
			return i > 0;
		}
		frames_zero(room, RING_FRAMES);
		trace_set_ring(i, room, RING_RECORDS);
	}
	return true;
}

static void begin(struct out *o, u64 events, u32 vm)
{
	has_rings = has_rings || make_rings(o);
	if (!has_rings)
		return;
	trace_select(events, vm);
	WRITE_ONCE(trace_on, true);
}

static void run_on(struct out *o, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	begin(o, ~0ULL, TRACE_NO_VM);
}

static void run_off(struct out *o, int argc, char **argv)
{
	(void)o;
	(void)argc;
	(void)argv;
	WRITE_ONCE(trace_on, false);
}

static void run_mmu(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);

	(void)argc;
	if (!vm)
		return;
	if (strcmp(argv[1], "on") == 0)
		begin(o, MASK(TRACE_NR - 1, TRACE_MMU_FAULT), vm->mmu.id);
	else if (strcmp(argv[1], "off") == 0)
		WRITE_ONCE(trace_on, false);
	else
		out_error(o, "%s is neither on nor off; trace dump shows the records", argv[1]);
}

static void complete_mmu(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	target_complete_vm(idx, add, arg);
	if (idx == 1) {
		add(arg, "on");
		add(arg, "off");
	}
}

static void run_clear(struct out *o, int argc, char **argv)
{
	(void)o;
	(void)argc;
	(void)argv;
	trace_clear();
}

/* --- printing --------------------------------------------------------------------------------- */

struct dump {
	struct out *o;
	u64 skip; /* records that are older than what was asked for */
	u64 nr;
};

struct arg_text {
	size_t fill;
	char s[256]; /* two numbers of 37 characters at most, and a sentence */
};

static void count(void *arg, u32 cpu, const struct trace_rec *rec)
{
	struct dump *d = arg;

	(void)cpu;
	(void)rec;
	d->nr++;
}

/* What stands for a number: the name of an exit's reason, or static text of an event; or NULL. */
static const char *word_of(const char *name, u64 val, bool by_reason)
{
	if (by_reason && strcmp(name, "reason") == 0 && val < EXIT_NR)
		return exit_names[val];
	if (!strchr(name, '$'))
		return NULL;
	return val ? (const char *)val : "-";
}

/* One argument as a field of JSON or as "name=value" appended to text. */
static void show_arg(struct out *o, const char *name, u64 val, bool by_reason, struct arg_text *t)
{
	char key[16], num[24];
	size_t n = MIN(strcspn(name, "@$"), sizeof(key) - 1);
	bool hex = strchr(name, '@');
	const char *word = word_of(name, val, by_reason);

	memcpy(key, name, n);
	key[n] = '\0';
	snprintf(num, sizeof(num), hex ? "0x%lx" : "%lu", val);
	if (!o->json) {
		t->fill += (size_t)snprintf(t->s + t->fill, sizeof(t->s) - t->fill, "%s=%s ", key,
					    word ? word : num);
		t->fill = MIN(t->fill, sizeof(t->s) - 1);
	} else if (word)
		out_str(o, key, 0, word);
	else if (hex)
		out_hex(o, key, 0, val);
	else
		out_dec(o, key, 0, val);
}

static const char *machine_name(u32 id)
{
	for (u32 i = 0; i < nr_vms; i++)
		if (vms[i]->id == id)
			return vms[i]->cfg.name;
	return "-";
}

static void show(void *arg, u32 cpu, const struct trace_rec *rec)
{
	struct dump *d = arg;
	const struct trace_desc *e;
	struct arg_text t = { .fill = 0 };
	bool by_reason = rec->event == TRACE_EXIT || rec->event == TRACE_ENTER;

	if (d->skip > 0 || rec->event >= TRACE_NR) {
		d->skip -= d->skip > 0;
		return;
	}
	e = &trace_descs[rec->event];
	out_begin(d->o);
	out_dec(d->o, "ns", 16, tsc_to_ns(rec->tsc - tsc_boot));
	out_dec(d->o, "cpu", 3, cpu);
	if (rec->vm != TRACE_NO_VM || !d->o->json)
		out_str(d->o, "vm", -8, machine_name(rec->vm));
	out_str(d->o, "event", -12, e->name);
	show_arg(d->o, e->arg[0], rec->a, by_reason, &t);
	show_arg(d->o, e->arg[1], rec->b, by_reason, &t);
	show_arg(d->o, e->arg[2], rec->c, by_reason, &t);
	if (!d->o->json)
		out_str(d->o, "arguments", -1, t.s);
	out_end(d->o);
}

static void run_dump(struct out *o, int argc, char **argv)
{
	struct dump d = { .o = o };
	u64 wanted = 1000, lost;

	if (argc > 0 && cmd_parse_u64(argv[0], &wanted) != 0) {
		out_error(o, "%s is not a number of records", argv[0]);
		return;
	}
	trace_for_each(count, &d);
	d.skip = d.nr > wanted ? d.nr - wanted : 0;
	lost = trace_for_each(show, &d);
	if (lost > 0)
		out_text(o, "%lu records were overwritten meanwhile; trace off keeps them", lost);
	if (d.nr == 0)
		out_text(o, trace_on ? "nothing was recorded yet"
				     : "nothing is recorded; trace on begins");
}

SHELL_CMD(cmd_mmu_trace, "mmu", "trace", "VM on|off",
	  "Records the events of a machine's MMU, and nothing else (trace dump shows them)",
	  "mmu trace linux on", run_mmu, complete_mmu);
SHELL_CMD(cmd_trace_on, "trace", "on", "", "Begins to record exits, entries and MMU events",
	  "trace on", run_on, NULL);
SHELL_CMD(cmd_trace_off, "trace", "off", "", "Stops recording; the records stay", "trace off",
	  run_off, NULL);
SHELL_CMD(cmd_trace_clear, "trace", "clear", "", "Forgets what was recorded", "trace clear",
	  run_clear, NULL);
SHELL_CMD(cmd_trace_dump, "trace", "dump", "[N]", "Shows the last N records of all CPUs (1000)",
	  "trace dump 20", run_dump, NULL);
