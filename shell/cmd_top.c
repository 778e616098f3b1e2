/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * top: exits per second by machine and reason, with the cycles that the hypervisor spent on them.
 */

#include <string.h>

#include "lib/cmd.h"

#include "arch/timer.h"
#include "arch/x86.h"
#include "shell/shell.h"
#include "vm/vm.h"

#define ROUND_MS 1000
#define MAX_ROWS 20 /* in text form: what fits on a terminal */

struct counts {
	u64 exits, cycles;
};

/* One user: commands run on one thread. */
static struct {
	struct counts last[CFG_MAX_VMS][EXIT_NR], delta[CFG_MAX_VMS][EXIT_NR];
	u64 last_tsc, tsc;
} top;

static struct counts sum(const struct vm *vm, u32 reason)
{
	struct counts c = { 0 };

	for_each_vcpu(v, vm) {
		c.exits += READ_ONCE(v->stat.exits[reason]);
		c.cycles += READ_ONCE(v->stat.cycles[reason]);
	}
	return c;
}

static void sample(void)
{
	u64 now = rdtsc();

	top.tsc = now - top.last_tsc;
	top.last_tsc = now;
	for (u32 i = 0; i < nr_vms; i++)
		for (u32 r = 0; r < EXIT_NR; r++) {
			struct counts c = sum(vms[i], r);

			top.delta[i][r].exits = c.exits - top.last[i][r].exits;
			top.delta[i][r].cycles = c.cycles - top.last[i][r].cycles;
			top.last[i][r] = c;
		}
}

static void show_row(struct out *o, u64 round, u32 vm, u32 reason)
{
	const struct counts *d = &top.delta[vm][reason];
	u64 permille = d->cycles * 1000 / top.tsc;

	out_begin(o);
	if (o->json)
		out_dec(o, "round", 0, round);
	out_str(o, "vm", -12, vms[vm]->cfg.name);
	out_str(o, "reason", -10, exit_names[reason]);
	out_dec(o, "exits_per_s", 11, d->exits * (tsc_khz * 1000) / top.tsc);
	out_dec(o, "cycles_per_exit", 15, d->exits ? d->cycles / d->exits : 0);
	out_dec(o, "cpu_permille", 12, permille);
	out_end(o);
}

/* Shows the largest count not yet shown and clears it. False when none is left. */
static bool show_next(struct out *o, u64 round)
{
	u32 vm = 0, reason = 0;

	for (u32 i = 0; i < nr_vms; i++)
		for (u32 r = 0; r < EXIT_NR; r++)
			if (top.delta[i][r].exits > top.delta[vm][reason].exits) {
				vm = i;
				reason = r;
			}
	if (nr_vms == 0 || top.delta[vm][reason].exits == 0)
		return false;
	show_row(o, round, vm, reason);
	top.delta[vm][reason].exits = 0;
	return true;
}

static void show_round(struct out *o, u64 round)
{
	u32 rows = 0;

	if (!o->json)
		out_text(o, "\nRound %lu; any key ends.", round);
	out_heading(o);
	while ((o->json || rows < MAX_ROWS) && show_next(o, round))
		rows++;
	if (rows == 0 && !o->json)
		out_text(o, "no exits");
}

static void run_top(struct out *o, int argc, char **argv)
{
	u64 rounds = ~0ULL;

	if (argc > 0 && cmd_parse_u64(argv[0], &rounds) != 0) {
		out_error(o, "%s is not a number of rounds", argv[0]);
		return;
	}
	WRITE_ONCE(vcpu_stat_cycles, true);
	sample();
	for (u64 i = 1; i <= rounds && !shell_sleep(ROUND_MS); i++) {
		sample();
		show_round(o, i);
	}
	WRITE_ONCE(vcpu_stat_cycles, false);
}

SHELL_CMD(cmd_top, "top", "", "[ROUNDS]",
	  "Shows exits per second by reason, each second until a key", "top 1", run_top, NULL);
