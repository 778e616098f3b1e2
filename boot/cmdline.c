/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/cmdline.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Each returns NULL, or what would have been right. val is NULL for a word without "=". */
static const char *opt_cpus(struct boot_options *o, const char *val)
{
	char *end;
	unsigned long n = val ? strtoul(val, &end, 10) : 0;

	if (!n || *end || n > 1024)
		return "wants a number of CPUs, as in cpus=2";
	o->max_cpus = (u32)n;
	return NULL;
}

static const char *opt_pool(struct boot_options *o, const char *val)
{
	char *end;
	unsigned long n = val ? strtoul(val, &end, 10) : 0;

	if (n < 4 || *end || n > 1UL << 22)
		return "wants a number of pages from 4 to 4194304, as in pool=4096";
	o->pool_pages = (u32)n;
	return NULL;
}

static const char *opt_nox2apic(struct boot_options *o, const char *val)
{
	o->x2apic = false;
	return val ? "takes no value" : NULL;
}

static const char *opt_quiet(struct boot_options *o, const char *val)
{
	o->quiet = true;
	return val ? "takes no value" : NULL;
}

static const char *opt_noauto(struct boot_options *o, const char *val)
{
	o->autostart = false;
	return val ? "takes no value" : NULL;
}

static const char *opt_exit(struct boot_options *o, const char *val)
{
	o->exit_debug = val && !strcmp(val, "debug");
	return o->exit_debug ? NULL : "knows only exit=debug";
}

static const char *opt_escape(struct boot_options *o, const char *val)
{
	if (!val || val[1] || toupper((u8)*val) < '@' || toupper((u8)*val) > '_')
		return "wants one letter or one of [\\]^_, as in escape=]";
	o->escape = (u8)(toupper((u8)*val) - '@');
	return NULL;
}

static const char *forbid(struct boot_options *o, const char *val, u32 what)
{
	o->without |= (u8)what;
	return val && !strcmp(val, "off") ? NULL : "can only be off";
}

static const char *opt_nested(struct boot_options *o, const char *val)
{
	return forbid(o, val, HV_NESTED);
}

static const char *opt_ug(struct boot_options *o, const char *val)
{
	return forbid(o, val, HV_UNRESTRICTED);
}

static const char *opt_vpid(struct boot_options *o, const char *val)
{
	return forbid(o, val, HV_TAGS);
}

static const char *opt_multihit(struct boot_options *o, const char *val)
{
	bool on = val && !strcmp(val, "on");

	if (!on && (!val || strcmp(val, "off")))
		return "wants on or off";
	o->without &= (u8) ~(HV_LARGE_CODE | HV_SMALL_CODE);
	o->without |= on ? HV_LARGE_CODE : HV_SMALL_CODE;
	return NULL;
}

static const struct {
	const char *name;
	const char *(*set)(struct boot_options *o, const char *val);
} options[] = {
	{ "cpus", opt_cpus },     { "nox2apic", opt_nox2apic }, { "quiet", opt_quiet },
	{ "pool", opt_pool },     { "noauto", opt_noauto },     { "exit", opt_exit },
	{ "escape", opt_escape }, { "ept", opt_nested },        { "npt", opt_nested },
	{ "ug", opt_ug },         { "vpid", opt_vpid },         { "multihit", opt_multihit },
};

static const char *set_option(struct boot_options *opt, char *word)
{
	char *val = strchr(word, '=');

	if (val)
		*val++ = 0;
	for (u32 i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(word, options[i].name))
			return options[i].set(opt, val);
	return "is no option (cpus= pool= nox2apic quiet noauto exit= escape= ept= npt= ug= vpid= "
	       "multihit=)";
}

void cmdline_parse(const char *text, struct boot_options *opt,
		   void (*bad)(const char *word, const char *why))
{
	char word[64], *rest = NULL;
	char copy[256];
	const char *why;

	*opt = (struct boot_options){
		.max_cpus = ~0U, .x2apic = true, .autostart = true, .escape = 0x1d
	};
	strncpy(copy, text, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = 0;
	for (char *w = strtok_r(copy, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) {
		strncpy(word, w, sizeof(word) - 1);
		word[sizeof(word) - 1] = 0;
		why = set_option(opt, w);
		if (why)
			bad(word, why);
	}
}
