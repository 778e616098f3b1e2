/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the machines from the INI module: one table row per key. */
#include "vm/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cmd.h"
#include "lib/ini.h"

#define MIN_MEMORY SZ_1M
#define MAX_MEMORY BIT(40)

struct parse {
	struct config *cfg;
	struct vm_config *vm;  /* section being read; NULL before the first */
	u32 line[CFG_MAX_VMS]; /* of each section */
	u32 given;             /* bit per row of keys[] */
};

struct key {
	const char *name;
	/* Stores the value; otherwise returns what it should have been. */
	const char *(*set)(struct vm_config *vm, const char *value);
};

static const char *set_text(char *dst, size_t size, const char *value, const char *what)
{
	size_t len = strlen(value);

	if (len == 0 || len >= size)
		return what;
	memcpy(dst, value, len + 1);
	return NULL;
}

static const char *set_bool(bool *dst, const char *value)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true", "0", "1" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			*dst = i & 1;
			return NULL;
		}
	}
	return "yes or no";
}

static const char *set_cpus(struct vm_config *vm, const char *value)
{
	u64 n;

	if (cmd_parse_u64(value, &n) || n < 1 || n > CFG_MAX_VCPUS)
		return "a number from 1 to 32";
	vm->cpus = (u32)n;
	return NULL;
}

_Static_assert(CFG_MAX_VCPUS == 32, "the sentence in set_cpus() names the limit");

static const char *set_memory(struct vm_config *vm, const char *value)
{
	u64 n;

	if (cmd_parse_u64(value, &n) || n < MIN_MEMORY || n > MAX_MEMORY || !IS_ALIGNED(n, SZ_4K))
		return "a size from 1M to 1T in whole 4K pages, such as 256M";
	vm->memory = n;
	return NULL;
}

static const char *set_paging(struct vm_config *vm, const char *value)
{
	static const char *const words[] = {
		[PAGING_AUTO] = "auto",
		[PAGING_NPT] = "npt",
		[PAGING_EPT] = "ept",
		[PAGING_SHADOW] = "shadow",
	};

	for (u8 i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			vm->paging = i;
			return NULL;
		}
	}
	return "auto, npt, ept or shadow";
}

static const char *set_kernel(struct vm_config *vm, const char *value)
{
	return set_text(vm->kernel, sizeof(vm->kernel), value, "a module name of 1 to 63 bytes");
}

static const char *set_initrd(struct vm_config *vm, const char *value)
{
	return set_text(vm->initrd, sizeof(vm->initrd), value, "a module name of 1 to 63 bytes");
}

static const char *set_cmdline(struct vm_config *vm, const char *value)
{
	if (*value == '\0')
		return NULL;
	return set_text(vm->cmdline, sizeof(vm->cmdline), value, "at most 511 bytes");
}

_Static_assert(CFG_TEXT_MAX == 512, "the sentence in set_cmdline() names the limit");

static const char *set_nested(struct vm_config *vm, const char *value)
{
	return set_bool(&vm->nested, value);
}

static const char *set_ignore_msrs(struct vm_config *vm, const char *value)
{
	return set_bool(&vm->ignore_msrs, value);
}

static const char *set_autostart(struct vm_config *vm, const char *value)
{
	return set_bool(&vm->autostart, value);
}

static const char *set_debug_exit(struct vm_config *vm, const char *value)
{
	return set_bool(&vm->debug_exit, value);
}

static const struct key keys[] = {
	{ "cpus", set_cpus },           { "memory", set_memory },
	{ "paging", set_paging },       { "kernel", set_kernel },
	{ "initrd", set_initrd },       { "cmdline", set_cmdline },
	{ "nested", set_nested },       { "ignore_msrs", set_ignore_msrs },
	{ "autostart", set_autostart }, { "debug_exit", set_debug_exit },
};

static bool name_ok(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return len > 0 && len < CFG_NAME_MAX && name[len] == '\0';
}

_Static_assert(CFG_NAME_MAX == 24, "the sentence in open_section() names the limit");

static int open_section(struct parse *p, const struct ini_entry *e, char *err, size_t size)
{
	struct config *cfg = p->cfg;

	p->vm = NULL;
	if (strcmp(e->kind, "vm") != 0) {
		snprintf(err, size, "unknown section [%s]: only [vm NAME] is known", e->kind);
		return -EINVAL;
	}
	if (!name_ok(e->name)) {
		snprintf(err, size,
			 "a machine needs a name of 1 to 23 letters, digits, '-', '_' or '.': "
			 "write [vm NAME]");
		return -EINVAL;
	}
	for (u32 i = 0; i < cfg->nr_vms; i++) {
		if (strcmp(cfg->vm[i].name, e->name) == 0) {
			snprintf(err, size,
				 "a second machine is called %s (the first is in line %u)", e->name,
				 (unsigned)p->line[i]);
			return -EINVAL;
		}
	}
	if (cfg->nr_vms == CFG_MAX_VMS) {
		snprintf(err, size, "more than %d machines", CFG_MAX_VMS);
		return -ENOSPC;
	}
	p->line[cfg->nr_vms] = e->line;
	p->given = 0;
	p->vm = &cfg->vm[cfg->nr_vms++];
	*p->vm = (struct vm_config){ .cpus = 1, .memory = 256 * SZ_1M, .autostart = true };
	memcpy(p->vm->name, e->name, strlen(e->name));
	return 0;
}

static int set_key(struct parse *p, const struct ini_entry *e, char *err, size_t size)
{
	const char *want;

	if (!p->vm) {
		snprintf(err, size, "%s stands before the first [vm NAME]", e->key);
		return -EINVAL;
	}
	for (u32 i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, e->key) != 0)
			continue;
		if (p->given & BIT32(i)) {
			snprintf(err, size, "%s is given twice for vm %s", e->key, p->vm->name);
			return -EINVAL;
		}
		p->given |= BIT32(i);
		want = keys[i].set(p->vm, e->value);
		if (!want)
			return 0;
		snprintf(err, size, "%s = %s: it should be %s", e->key, e->value, want);
		return -EINVAL;
	}
	snprintf(
		err, size,
		"unknown key %s: the keys are cpus, memory, paging, kernel, initrd, cmdline, nested, "
		"ignore_msrs, autostart and debug_exit",
		e->key);
	return -EINVAL;
}

static int entry(void *arg, const struct ini_entry *e, char *err, size_t size)
{
	struct parse *p = arg;

	if (e->key)
		return set_key(p, e, err, size);
	return open_section(p, e, err, size);
}

/* A machine without a kernel is only noticed when its section has ended. */
static int check_complete(struct parse *p, const char *file, char *err, size_t size)
{
	for (u32 i = 0; i < p->cfg->nr_vms; i++) {
		const struct vm_config *vm = &p->cfg->vm[i];

		if (vm->kernel[0])
			continue;
		snprintf(err, size, "%s:%u: vm %s has no kernel: add \"kernel = MODULE\"", file,
			 (unsigned)p->line[i], vm->name);
		p->cfg->nr_vms = i;
		return -EINVAL;
	}
	return 0;
}

int config_parse(struct config *cfg, const char *file, const char *text, size_t len, char *err,
		 size_t err_size)
{
	struct parse p = { .cfg = cfg };
	struct ini_text ini = { .file = file, .data = text, .len = len };
	char late[160];
	int ret;

	cfg->nr_vms = 0;
	ret = ini_parse(&ini, entry, &p, err, err_size);
	if (ret) {
		/* The machine with the mistake is not started, and neither is one before it that
		 * turns out to be incomplete; the first sentence is the one to show. */
		if (p.vm)
			cfg->nr_vms--;
		check_complete(&p, file, late, sizeof(late));
		return -EINVAL;
	}
	if (cfg->nr_vms == 0) {
		snprintf(err, err_size, "%s: no machine in it: write a section [vm NAME]", file);
		return -EINVAL;
	}
	return check_complete(&p, file, err, err_size);
}
