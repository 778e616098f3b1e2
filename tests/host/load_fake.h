/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory for the loader tests: a buffer behind mmu_write() and mmu_read(), and a load job. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "vm/load/load_priv.h"

#define RAM_SIZE (64 * SZ_1M)
#define LOW_RAM  0x9fc00ULL

static u8 *ram;
static char err[256];

int mmu_write(struct mmu_vm *m, gpa_t gpa, const void *buf, u64 len)
{
	(void)m;
	if (gpa.v > RAM_SIZE || len > RAM_SIZE - gpa.v)
		return -EFAULT;
	memcpy(ram + gpa.v, buf, len);
	return 0;
}

int mmu_read(const struct mmu_vm *m, gpa_t gpa, void *buf, u64 len)
{
	(void)m;
	if (gpa.v > RAM_SIZE || len > RAM_SIZE - gpa.v)
		return -EFAULT;
	memcpy(buf, ram + gpa.v, len);
	return 0;
}

static __unused int ram_setup(void **state)
{
	(void)state;
	ram = malloc(RAM_SIZE);
	return ram ? 0 : -1;
}

static __unused int ram_teardown(void **state)
{
	(void)state;
	free(ram);
	return 0;
}

/* A job for a machine of RAM_SIZE, with data as its kernel. RAM holds a pattern, not zeroes. */
static struct load job(const void *data, u64 size)
{
	struct load l = {
		.kernel = { "kernel", data, size },
		.cmdline = "console=ttyS0",
		.nr_map = 3,
		.map = { { 0, LOW_RAM, E820_RAM },
			 { LOW_RAM, SZ_1M - LOW_RAM, E820_RESERVED },
			 { SZ_1M, RAM_SIZE - SZ_1M, E820_RAM } },
		.err = err,
		.err_size = sizeof(err),
	};

	memset(err, 0, sizeof(err));
	return l;
}

/* The job fails, and the sentence is about the named file and has the phrase in it. */
static __unused void expect_refused(struct load *l, const char *file, const char *phrase)
{
	assert_int_equal(load_kernel(l), -EINVAL);
	if (!strstr(err, phrase) || strncmp(err, file, strlen(file)) != 0)
		fail_msg("want \"%s: ...%s...\", got \"%s\"", file, phrase, err);
}

/* Whatever the file holds: either it loads, or there is a sentence about it. */
static __unused void load_survives(const u8 *data, u64 size)
{
	/* An exact copy, so that the sanitizer sees the first byte read behind the end. */
	u8 *copy = malloc(size ? size : 1);
	struct load l;

	assert_non_null(copy);
	memcpy(copy, data, size);
	l = job(copy, size);
	if (load_kernel(&l) != 0)
		assert_true(strncmp(err, "kernel: ", 8) == 0 && strlen(err) > 12);
	free(copy);
}

/* All lengths up to full, then random damage to the first head bytes. */
static __unused void load_survives_damage(const u8 *data, u64 full, u64 head)
{
	u8 *bad = malloc(full);

	assert_non_null(bad);
	for (u64 n = 0; n < full; n += n < head ? 1 : 509)
		load_survives(data, n);
	srand(1);
	for (u32 round = 0; round < 20000; round++) {
		memcpy(bad, data, full);
		for (int k = rand() % 4; k >= 0; k--)
			bad[(u64)rand() % head] = (u8)(rand() % 3 ? rand() : rand() % 2 * 0xff);
		load_survives(bad, full);
	}
	free(bad);
}
