/* SPDX-License-Identifier: BSD-2-Clause */
/* What the INI module says about each virtual machine. */
#pragma once

#include "lib/types.h"

#define CFG_MAX_VMS   16
#define CFG_MAX_VCPUS 32
#define CFG_NAME_MAX  24
#define CFG_TEXT_MAX  512

enum cfg_paging {
	PAGING_AUTO,
	PAGING_NPT,
	PAGING_EPT,
	PAGING_SHADOW,
};

struct vm_config {
	char name[CFG_NAME_MAX];
	u32 cpus;   /* 1..CFG_MAX_VCPUS */
	u64 memory; /* bytes, multiple of 4 KiB, at least 1 MiB */
	u8 paging;  /* enum cfg_paging */
	bool nested;
	bool ignore_msrs; /* unknown MSRs read 0 and drop writes instead of #GP */
	bool autostart;
	bool debug_exit; /* isa-debug-exit at 0xf4 powers the VM off */
	char kernel[64]; /* module names */
	char initrd[64];
	char cmdline[CFG_TEXT_MAX];
};

struct config {
	struct vm_config vm[CFG_MAX_VMS];
	u32 nr_vms;
};

/*
 * Parses the text (not NUL-terminated). On a mistake returns -EINVAL with one sentence in err that
 * names file, line and what to do; cfg then holds the machines before the mistake.
 */
int config_parse(struct config *cfg, const char *file, const char *text, size_t len, char *err,
		 size_t err_size);
