/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VPIDs, the hardware's names for TLB contexts, given out by each CPU in rising order as svm/ does
 * with ASIDs. Translations through EPT belong to the EPTP besides, which vCPUs of a VM share.
 *
 * INVEPT and INVVPID flush at once, so a flush is recorded when it is done.
 */
#pragma once

#include "vmx/backend.h"

/* A CPU that has just entered VMX operation: its TLB may hold anything. */
void vmx_vpid_init(struct vmx_cpu *c);
/* After s->cpu changed or another vCPU ran: may the VPID of s still be used? Else the entry
 * flushes. */
void vmx_vpid_check(struct vmx_vcpu *s);
/* Puts the VM's root into the VMCS if it is not there. */
void vmx_eptp_check(struct vmx_vcpu *s);
/* Flushes the tag of s, and records that. */
void vmx_tlb_flush(struct vmx_vcpu *s);
/* Forgets one linear address. */
void vmx_tlb_flush_gva(struct vmx_vcpu *s, gva_t gva);
