/* SPDX-License-Identifier: BSD-2-Clause */
/* mmu set: each optimisation of shadow paging on its own, so that mmu stat shows what it buys. */

#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"

#include "shell/mmu_of.h"
#include "shell/shadow.h"
#include "vm/target.h"
#include "vm/vm.h"

/* A field of struct mmu_tune. */
struct knob {
	const char *name;
	u32 least, most; /* 0 and 0: off or on */
	bool power;      /* a power of two */
	const char *help;
};

enum {
	KNOB_UNSYNC,
	KNOB_HUGE,
	KNOB_BY_LINKS,
	KNOB_PREFETCH,
	KNOB_ROOTS,
	KNOB_FLOOD,
	KNOB_NR
};

static const struct knob knobs[KNOB_NR] = {
	[KNOB_UNSYNC] = { "unsync", 0, 0, false, "leaf tables may be written without an exit" },
	[KNOB_HUGE] = { "huge", 0, 0, false, "large leaves where guest and slot allow" },
	[KNOB_BY_LINKS] = { "by_links", 0, 0, false,
			    "guest entries that cannot have changed are not read again" },
	[KNOB_PREFETCH] = { "prefetch", 1, 512, true, "entries looked at around a fault" },
	[KNOB_ROOTS] = { "roots", 1, 16, false, "roots that each virtual CPU may keep" },
	[KNOB_FLOOD] = { "flood", 0, 255, false,
			 "trapped stores in a row after which a table is dropped, 0 = never" },
};

static u32 get(const struct mmu_tune *t, u32 knob)
{
	const u32 val[KNOB_NR] = {
		[KNOB_UNSYNC] = t->unsync,     [KNOB_HUGE] = t->huge,
		[KNOB_BY_LINKS] = t->by_links, [KNOB_PREFETCH] = t->prefetch,
		[KNOB_ROOTS] = t->roots,       [KNOB_FLOOD] = t->flood,
	};

	return val[knob];
}

static void put(struct mmu_tune *t, u32 knob, u32 val)
{
	switch (knob) {
	case KNOB_UNSYNC:
		t->unsync = val;
		break;
	case KNOB_HUGE:
		t->huge = val;
		break;
	case KNOB_BY_LINKS:
		t->by_links = val;
		break;
	case KNOB_PREFETCH:
		t->prefetch = (u16)val;
		break;
	case KNOB_ROOTS:
		t->roots = (u8)val;
		break;
	default:
		t->flood = (u8)val;
		break;
	}
}

static bool is_switch(const struct knob *k)
{
	return k->most == 0;
}

static void range_words(const struct knob *k, char buf[32])
{
	if (is_switch(k))
		snprintf(buf, 32, "off, on");
	else
		snprintf(buf, 32, "%u to %u%s", k->least, k->most,
			 k->power ? ", a power of two" : "");
}

/* -1: none of them. */
static s64 parse_value(const struct knob *k, const char *text)
{
	u64 n;

	if (is_switch(k))
		return strcmp(text, "on") == 0 ? 1 : strcmp(text, "off") == 0 ? 0 : -1;
	if (cmd_parse_u64(text, &n) != 0 || n < k->least || n > k->most ||
	    (k->power && (n & (n - 1))))
		return -1;
	return (s64)n;
}

/* "unsync=off" into *t; false after a sentence. */
static bool parse_knob(struct out *o, const char *word, struct mmu_tune *t)
{
	const char *value = strchr(word, '=');
	char range[32];
	s64 n;

	for (u32 i = 0; value && i < KNOB_NR; i++) {
		size_t len = strlen(knobs[i].name);

		if ((size_t)(value - word) != len || strncmp(word, knobs[i].name, len) != 0)
			continue;
		n = parse_value(&knobs[i], value + 1);
		if (n < 0) {
			range_words(&knobs[i], range);
			out_error(o, "%s cannot be %s: %s", knobs[i].name, value + 1, range);
			return false;
		}
		put(t, i, (u32)n);
		return true;
	}
	out_error(o, "%s sets nothing; mmu set VM shows what can be set, as NAME=VALUE", word);
	return false;
}

static void show_knobs(struct out *o, const struct mmu_tune *t)
{
	char range[32], val[12];

	out_heading(o);
	for (u32 i = 0; i < KNOB_NR; i++) {
		u32 n = get(t, i);

		range_words(&knobs[i], range);
		snprintf(val, sizeof(val), "%u", n);
		out_begin(o);
		out_str(o, "name", -10, knobs[i].name);
		out_str(o, "value", -6, is_switch(&knobs[i]) ? (n ? "on" : "off") : val);
		out_str(o, "range", -24, range);
		out_str(o, "what", -1, knobs[i].help);
		out_end(o);
	}
}

static void run_set(struct out *o, int argc, char **argv)
{
	struct vm *vm = shadow_vm(o, argv[0]);
	struct mmu_tune t;

	if (!vm)
		return;
	/* This thread is the only one that changes it. */
	t = mmu_of(vm)->shadow.tune;
	for (int i = 1; i < argc; i++)
		if (!parse_knob(o, argv[i], &t))
			return;
	if (argc > 1)
		mmu_shadow_tune(mmu_of(vm), &t);
	show_knobs(o, &t);
}

static void complete(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	char word[24];

	target_complete_vm(idx, add, arg);
	for (u32 i = 0; i < KNOB_NR && idx > 0; i++) {
		if (is_switch(&knobs[i])) {
			snprintf(word, sizeof(word), "%s=on", knobs[i].name);
			add(arg, word);
			snprintf(word, sizeof(word), "%s=off", knobs[i].name);
		} else {
			snprintf(word, sizeof(word), "%s=", knobs[i].name);
		}
		add(arg, word);
	}
}

SHELL_CMD(cmd_mmu_set, "mmu", "set", "VM [NAME=VALUE...]",
	  "Switches optimisations of shadow paging while the guest runs, or shows them",
	  "mmu set linux unsync=off roots=4", run_set, complete);
