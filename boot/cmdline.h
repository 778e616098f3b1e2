/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's own command line: words of the form key or key=value. */
#pragma once

#include "lib/types.h"

#include "vm/hv_ops.h"

struct boot_options {
	u32 max_cpus;    /* cpus=N: use at most N CPUs */
	u32 pool_pages;  /* pool=N: pages for all guests' tables; 0 = as the machines ask for */
	bool x2apic;     /* nox2apic clears it */
	bool quiet;      /* quiet: only warnings and errors on the console */
	bool exit_debug; /* exit=debug: power off through QEMU's isa-debug-exit */
	bool autostart;  /* noauto: start no VM */
	u8 escape;       /* escape=X: console escape key is Ctrl-X */
	u8 without;      /* ept=off (or npt=off), ug=off, vpid=off, multihit=: enum hv_without */
};

/* Unknown or malformed words are reported one by one through bad(). */
void cmdline_parse(const char *text, struct boot_options *opt,
		   void (*bad)(const char *word, const char *why));
