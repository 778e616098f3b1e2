/* SPDX-License-Identifier: BSD-2-Clause */
/* Events for the guest: what the next entry delivers, and what ends HLT. All on the own thread. */
#pragma once

#include "lib/types.h"

#include "vm/exit.h"

struct vcpu;

/*
 * Hands at most one event to the backend for the entry that must follow: what is pending, else NMI,
 * else the highest interrupt of local APIC or PIC; asks for a window when one has to wait.
 */
void event_queue(struct vcpu *v);
/* The guest can take an interrupt now. */
void event_window(struct vcpu *v);
/* An event is there that ends HLT. */
bool event_wakes(struct vcpu *v);
/* The INIT and startup signals. */
void event_init(struct vcpu *v);
void event_sipi(struct vcpu *v);
/* NMIs were sent. */
void event_nmi(struct vcpu *v);

enum event_merge {
	MERGE_SECOND, /* the second replaces the first */
	MERGE_DOUBLE, /* #DF */
	MERGE_TRIPLE, /* shutdown */
};

/* What becomes of an exception that arises while first is being delivered. Source: AMD APM 2 "#DF:
 * Double-Fault Exception (Vector 8)", table of contributory conditions. */
enum event_merge event_merge(const struct vcpu_event *first, u8 second);
