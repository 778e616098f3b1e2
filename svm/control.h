/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual machine control block: one 4 KiB frame per vCPU that VMRUN, VMLOAD and VMSAVE take.
 * Source: AMD APM 2, appendix "VMCB Layout, Control Area" and "VMCB Layout, State Save Area".
 */
#pragma once

#include "lib/types.h"

#include "vm/event_word.h"

struct vmcb_seg {
	u16 sel;
	u16 attr; /* as struct segment.attr */
	u32 limit;
	u64 base;
};

struct vmcb_ctl {
	u16 cr_read, cr_write; /* intercepts, bit n = CRn */
	u16 dr_read, dr_write;
	u32 exceptions; /* bit n = vector n */
	u32 intercept
		[3]; /* bit n of word w = exit code 0x60 + 32w + n for w < 2: enum vmcb_intercept */
	u8 reserved_018[0x03c - 0x018];
	u16 pause_threshold, pause_count;
	u64 iopm, msrpm; /* physical addresses */
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control; /* TLB_* */
	u8 reserved_05d[3];
	u32 int_ctl; /* INT_CTL_* */
	u32 int_vector;
	u64 int_shadow; /* bit 0 */
	u64 exit_code, exit_info1, exit_info2;
	u32 exit_int_info, exit_int_error; /* EVENT_* */
	u64 nested_ctl;
	u64 avic_apic_bar, ghcb;
	u32 event_inj, event_inj_error; /* EVENT_* */
	u64 ncr3;
	u64 virt_ext;
	u32 clean; /* CLEAN_* */
	u32 reserved_0c4;
	u64 next_rip;
	u8 nr_bytes;
	u8 bytes[15];
	u8 reserved_0e0[0x400 - 0x0e0];
};

struct vmcb_save {
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_0a0[0x0cb - 0x0a0];
	u8 cpl;
	u32 reserved_0cc;
	u64 efer;
	u8 reserved_0d8[0x148 - 0x0d8];
	u64 cr4, cr3, cr0, dr7, dr6;
	u64 rflags, rip;
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;
	u64 s_cet, ssp, isst_addr;
	u64 rax;
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved_248[0x268 - 0x248];
	u64 g_pat;
	u64 dbgctl;
	u64 br_from, br_to, excp_from, excp_to;
	u8 reserved_298[0xc00 - 0x298];
};

struct vmcb {
	struct vmcb_ctl ctl;
	struct vmcb_save save;
};

static_assert(offsetof(struct vmcb_ctl, intercept) == 0x00c, "VMCB layout");
static_assert(offsetof(struct vmcb_ctl, iopm) == 0x040, "VMCB layout");
static_assert(offsetof(struct vmcb_ctl, int_shadow) == 0x068, "VMCB layout");
static_assert(offsetof(struct vmcb_ctl, exit_int_info) == 0x088, "VMCB layout");
static_assert(offsetof(struct vmcb_ctl, event_inj) == 0x0a8, "VMCB layout");
static_assert(offsetof(struct vmcb_ctl, next_rip) == 0x0c8, "VMCB layout");
static_assert(offsetof(struct vmcb_ctl, bytes) == 0x0d1, "VMCB layout");
static_assert(offsetof(struct vmcb, save) == 0x400, "VMCB layout");
static_assert(offsetof(struct vmcb_save, cpl) == 0x0cb, "VMCB layout");
static_assert(offsetof(struct vmcb_save, efer) == 0x0d0, "VMCB layout");
static_assert(offsetof(struct vmcb_save, rip) == 0x178, "VMCB layout");
static_assert(offsetof(struct vmcb_save, rax) == 0x1f8, "VMCB layout");
static_assert(offsetof(struct vmcb_save, cr2) == 0x240, "VMCB layout");
static_assert(offsetof(struct vmcb_save, g_pat) == 0x268, "VMCB layout");
static_assert(sizeof(struct vmcb) == 0x1000, "VMCB layout");

/* Intercepts by position in ctl.intercept[]: word * 32 + bit. */
enum vmcb_intercept {
	ICPT_INTR,
	ICPT_NMI,
	ICPT_SMI,
	ICPT_INIT,
	ICPT_VINTR,
	ICPT_CR0_SEL_WRITE,
	ICPT_LTR = 13,
	ICPT_RDPMC = 15,
	ICPT_CPUID = 18,
	ICPT_IRET = 20,
	ICPT_INVD = 22,
	ICPT_PAUSE,
	ICPT_HLT,
	ICPT_INVLPG,
	ICPT_INVLPGA,
	ICPT_IOIO,
	ICPT_MSR,
	ICPT_TASK_SWITCH,
	ICPT_SHUTDOWN = 31,
	ICPT_VMRUN = 32,
	ICPT_VMMCALL,
	ICPT_VMLOAD,
	ICPT_VMSAVE,
	ICPT_STGI,
	ICPT_CLGI,
	ICPT_SKINIT,
	ICPT_WBINVD = 41,
	ICPT_MONITOR,
	ICPT_MWAIT,
	ICPT_MWAIT_ARMED,
	ICPT_XSETBV,
	ICPT_RDPRU,
	ICPT_INVLPGB = 64,
	ICPT_INVLPGB_ILLEGAL,
	ICPT_INVPCID,
	ICPT_MCOMMIT,
	ICPT_TLBSYNC,
};

static inline void vmcb_intercept_set(struct vmcb *b, enum vmcb_intercept i, bool on)
{
	u32 bit = BIT32(i % 32);

	b->ctl.intercept[i / 32] =
		on ? b->ctl.intercept[i / 32] | bit : b->ctl.intercept[i / 32] & ~bit;
}

static inline bool vmcb_intercept_get(const struct vmcb *b, enum vmcb_intercept i)
{
	return b->ctl.intercept[i / 32] & BIT32(i % 32);
}

/* ctl.tlb_control */
#define TLB_NONE       0
#define TLB_FLUSH_ALL  1
#define TLB_FLUSH_ASID 3

/* ctl.int_ctl */
#define INT_CTL_V_TPR          MASK(7, 0)
#define INT_CTL_V_IRQ          BIT32(8)
#define INT_CTL_V_PRIO_HIGHEST (15U << 16)
#define INT_CTL_V_IGN_TPR      BIT32(20)
#define INT_CTL_V_INTR_MASKING BIT32(24)

#define INT_SHADOW BIT(0)

#define NESTED_CTL_NP BIT(0)

/* ctl.clean: what the CPU may keep cached from the last VMRUN of this VMCB. A cleared bit makes it
 * read the fields again. Source: AMD APM 2 "VMCB State Caching". */
#define CLEAN_INTERCEPTS BIT32(0) /* also TSC offset and pause filter */
#define CLEAN_IOPM       BIT32(1)
#define CLEAN_ASID       BIT32(2)
#define CLEAN_INT_CTL    BIT32(3)
#define CLEAN_NP         BIT32(4) /* nested CR3, G_PAT */
#define CLEAN_CR         BIT32(5) /* CR0, CR3, CR4, EFER */
#define CLEAN_DR         BIT32(6)
#define CLEAN_DT         BIT32(7) /* GDTR, IDTR */
#define CLEAN_SEG        BIT32(8) /* CS, DS, SS, ES, CPL */
#define CLEAN_CR2        BIT32(9)
#define CLEAN_LBR        BIT32(10)
#define CLEAN_ALL        (~0U)

/* Exit codes. Source: AMD APM 2, appendix "SVM Intercept Exit Codes". */
enum vmexit_code {
	VMEXIT_CR_READ = 0x00,
	VMEXIT_CR_WRITE = 0x10,
	VMEXIT_DR_READ = 0x20,
	VMEXIT_DR_WRITE = 0x30,
	VMEXIT_EXCEPTION = 0x40,
	VMEXIT_INTR = 0x60,
	VMEXIT_NMI = 0x61,
	VMEXIT_SMI = 0x62,
	VMEXIT_INIT = 0x63,
	VMEXIT_VINTR = 0x64,
	VMEXIT_CR0_SEL_WRITE = 0x65,
	VMEXIT_LTR = 0x6d,
	VMEXIT_RDPMC = 0x6f,
	VMEXIT_CPUID = 0x72,
	VMEXIT_IRET = 0x74,
	VMEXIT_INVD = 0x76,
	VMEXIT_PAUSE = 0x77,
	VMEXIT_HLT = 0x78,
	VMEXIT_INVLPG = 0x79,
	VMEXIT_INVLPGA = 0x7a,
	VMEXIT_IOIO = 0x7b,
	VMEXIT_MSR = 0x7c,
	VMEXIT_TASK_SWITCH = 0x7d,
	VMEXIT_SHUTDOWN = 0x7f,
	VMEXIT_VMRUN = 0x80,
	VMEXIT_VMMCALL = 0x81,
	VMEXIT_VMLOAD = 0x82,
	VMEXIT_VMSAVE = 0x83,
	VMEXIT_STGI = 0x84,
	VMEXIT_CLGI = 0x85,
	VMEXIT_SKINIT = 0x86,
	VMEXIT_WBINVD = 0x89,
	VMEXIT_MONITOR = 0x8a,
	VMEXIT_MWAIT = 0x8b,
	VMEXIT_MWAIT_ARMED = 0x8c,
	VMEXIT_XSETBV = 0x8d,
	VMEXIT_RDPRU = 0x8e,
	VMEXIT_INVLPGB = 0xa0,
	VMEXIT_INVLPGB_ILLEGAL = 0xa1,
	VMEXIT_INVPCID = 0xa2,
	VMEXIT_MCOMMIT = 0xa3,
	VMEXIT_TLBSYNC = 0xa4,
	VMEXIT_NPF = 0x400,
};

/* The entry failed. Hardware stores 64 one bits; QEMU TCG stores the lower 32 only. */
#define VMEXIT_INVALID 0xffffffffU

/* EXITINFO1 of an IOIO exit. Source: AMD APM 2 "IOIO Intercept". EXITINFO2 = RIP behind it. */
#define IOIO_IN      BIT32(0)
#define IOIO_STRING  BIT32(2)
#define IOIO_SIZE(i) (((i) >> 4) & 7) /* bytes: one of 1, 2, 4 */
#define IOIO_PORT(i) ((u16)((i) >> 16))

/* EXITINFO2 of a task switch; EXITINFO1 = selector. Source: AMD APM 2 "Task Switch Intercept". */
#define TASK_ERROR(i)  ((u32)(i))
#define TASK_IS_IRET   BIT(36)
#define TASK_IS_JMP    BIT(38)
#define TASK_HAS_ERROR BIT(44)
#define TASK_RF        BIT(48) /* EFLAGS.RF in the outgoing TSS */

/* EXITINFO1 of a nested page fault. Source: AMD APM 2 "Nested versus Guest Page Faults". */
#define NPF_P     BIT32(0)
#define NPF_W     BIT32(1)
#define NPF_FETCH BIT32(4)
#define NPF_TABLE BIT(33) /* while the guest's own tables were walked */
