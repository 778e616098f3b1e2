/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual machine control structure: fields, and the bits in them. One 4 KiB frame per vCPU,
 * whose layout is the processor's own; VMREAD and VMWRITE take a field's encoding.
 * Source: Intel SDM 3D, appendix "Field Encoding in VMCS"; 3C "Virtual Machine Control Structures".
 */
#pragma once

#include "lib/types.h"

#include "vm/event_word.h"

/*
 * X(id, encoding, "name"). Bits 14:13 of the encoding are the width, 11:10 the kind: see below.
 * A field that belongs to a feature exists only on processors that have it.
 */
#define VMCS_FIELDS(X)                                            \
	/* Control fields, 16 bits */                             \
	X(VPID, 0x0000, "vpid")                                   \
	X(POSTED_VECTOR, 0x0002, "posted_vector")                 \
	X(EPTP_INDEX, 0x0004, "eptp_index")                       \
	X(HLAT_PREFIX, 0x0006, "hlat_prefix")                     \
	X(LAST_PID_INDEX, 0x0008, "last_pid_index")               \
	/* Guest state, 16 bits */                                \
	X(GUEST_ES_SEL, 0x0800, "es.sel")                         \
	X(GUEST_CS_SEL, 0x0802, "cs.sel")                         \
	X(GUEST_SS_SEL, 0x0804, "ss.sel")                         \
	X(GUEST_DS_SEL, 0x0806, "ds.sel")                         \
	X(GUEST_FS_SEL, 0x0808, "fs.sel")                         \
	X(GUEST_GS_SEL, 0x080a, "gs.sel")                         \
	X(GUEST_LDTR_SEL, 0x080c, "ldtr.sel")                     \
	X(GUEST_TR_SEL, 0x080e, "tr.sel")                         \
	X(GUEST_INTR_STATUS, 0x0810, "intr_status")               \
	X(PML_INDEX, 0x0812, "pml_index")                         \
	X(GUEST_UINV, 0x0814, "uinv")                             \
	/* Host state, 16 bits */                                 \
	X(HOST_ES_SEL, 0x0c00, "host_es.sel")                     \
	X(HOST_CS_SEL, 0x0c02, "host_cs.sel")                     \
	X(HOST_SS_SEL, 0x0c04, "host_ss.sel")                     \
	X(HOST_DS_SEL, 0x0c06, "host_ds.sel")                     \
	X(HOST_FS_SEL, 0x0c08, "host_fs.sel")                     \
	X(HOST_GS_SEL, 0x0c0a, "host_gs.sel")                     \
	X(HOST_TR_SEL, 0x0c0c, "host_tr.sel")                     \
	/* Control fields, 64 bits */                             \
	X(IO_BITMAP_A, 0x2000, "io_bitmap_a")                     \
	X(IO_BITMAP_B, 0x2002, "io_bitmap_b")                     \
	X(MSR_BITMAP, 0x2004, "msr_bitmap")                       \
	X(EXIT_MSR_STORE, 0x2006, "exit_msr_store")               \
	X(EXIT_MSR_LOAD, 0x2008, "exit_msr_load")                 \
	X(ENTRY_MSR_LOAD, 0x200a, "entry_msr_load")               \
	X(EXECUTIVE_VMCS, 0x200c, "executive_vmcs")               \
	X(PML_ADDRESS, 0x200e, "pml_address")                     \
	X(TSC_OFFSET, 0x2010, "tsc_offset")                       \
	X(VIRTUAL_APIC, 0x2012, "virtual_apic")                   \
	X(APIC_ACCESS, 0x2014, "apic_access")                     \
	X(POSTED_DESC, 0x2016, "posted_desc")                     \
	X(VMFUNC_CTL, 0x2018, "vmfunc_ctl")                       \
	X(EPTP, 0x201a, "eptp")                                   \
	X(EOI_EXIT0, 0x201c, "eoi_exit0")                         \
	X(EOI_EXIT1, 0x201e, "eoi_exit1")                         \
	X(EOI_EXIT2, 0x2020, "eoi_exit2")                         \
	X(EOI_EXIT3, 0x2022, "eoi_exit3")                         \
	X(EPTP_LIST, 0x2024, "eptp_list")                         \
	X(VMREAD_BITMAP, 0x2026, "vmread_bitmap")                 \
	X(VMWRITE_BITMAP, 0x2028, "vmwrite_bitmap")               \
	X(VE_INFO, 0x202a, "ve_info")                             \
	X(XSS_EXITING, 0x202c, "xss_exiting")                     \
	X(ENCLS_EXITING, 0x202e, "encls_exiting")                 \
	X(SPPTP, 0x2030, "spptp")                                 \
	X(TSC_MULTIPLIER, 0x2032, "tsc_multiplier")               \
	X(PROC3_CTL, 0x2034, "proc3_ctl")                         \
	X(ENCLV_EXITING, 0x2036, "enclv_exiting")                 \
	X(LOW_PASID_DIR, 0x2038, "low_pasid_dir")                 \
	X(HIGH_PASID_DIR, 0x203a, "high_pasid_dir")               \
	X(SHARED_EPTP, 0x203c, "shared_eptp")                     \
	X(PCONFIG_EXITING, 0x203e, "pconfig_exiting")             \
	X(HLATP, 0x2040, "hlatp")                                 \
	X(PID_TABLE, 0x2042, "pid_table")                         \
	X(EXIT2_CTL, 0x2044, "exit2_ctl")                         \
	X(SPEC_CTRL_MASK, 0x204a, "spec_ctrl_mask")               \
	X(SPEC_CTRL_SHADOW, 0x204c, "spec_ctrl_shadow")           \
	/* Read-only, 64 bits */                                  \
	X(GPA, 0x2400, "gpa")                                     \
	/* Guest state, 64 bits */                                \
	X(LINK_POINTER, 0x2800, "link_pointer")                   \
	X(GUEST_DEBUGCTL, 0x2802, "debugctl")                     \
	X(GUEST_PAT, 0x2804, "pat")                               \
	X(GUEST_EFER, 0x2806, "efer")                             \
	X(GUEST_PERF_GLOBAL_CTRL, 0x2808, "perf_global_ctrl")     \
	X(GUEST_PDPTE0, 0x280a, "pdpte0")                         \
	X(GUEST_PDPTE1, 0x280c, "pdpte1")                         \
	X(GUEST_PDPTE2, 0x280e, "pdpte2")                         \
	X(GUEST_PDPTE3, 0x2810, "pdpte3")                         \
	X(GUEST_BNDCFGS, 0x2812, "bndcfgs")                       \
	X(GUEST_RTIT_CTL, 0x2814, "rtit_ctl")                     \
	X(GUEST_LBR_CTL, 0x2816, "lbr_ctl")                       \
	X(GUEST_PKRS, 0x2818, "pkrs")                             \
	/* Host state, 64 bits */                                 \
	X(HOST_PAT, 0x2c00, "host_pat")                           \
	X(HOST_EFER, 0x2c02, "host_efer")                         \
	X(HOST_PERF_GLOBAL_CTRL, 0x2c04, "host_perf_global_ctrl") \
	X(HOST_PKRS, 0x2c06, "host_pkrs")                         \
	/* Control fields, 32 bits */                             \
	X(PIN_CTL, 0x4000, "pin_ctl")                             \
	X(PROC_CTL, 0x4002, "proc_ctl")                           \
	X(EXCEPTION_BITMAP, 0x4004, "exception_bitmap")           \
	X(PF_ERROR_MASK, 0x4006, "pf_error_mask")                 \
	X(PF_ERROR_MATCH, 0x4008, "pf_error_match")               \
	X(CR3_TARGETS, 0x400a, "cr3_targets")                     \
	X(EXIT_CTL, 0x400c, "exit_ctl")                           \
	X(EXIT_MSR_STORES, 0x400e, "exit_msr_stores")             \
	X(EXIT_MSR_LOADS, 0x4010, "exit_msr_loads")               \
	X(ENTRY_CTL, 0x4012, "entry_ctl")                         \
	X(ENTRY_MSR_LOADS, 0x4014, "entry_msr_loads")             \
	X(ENTRY_EVENT, 0x4016, "entry_event")                     \
	X(ENTRY_EVENT_ERROR, 0x4018, "entry_event_error")         \
	X(ENTRY_INSN_LEN, 0x401a, "entry_insn_len")               \
	X(TPR_THRESHOLD, 0x401c, "tpr_threshold")                 \
	X(PROC2_CTL, 0x401e, "proc2_ctl")                         \
	X(PLE_GAP, 0x4020, "ple_gap")                             \
	X(PLE_WINDOW, 0x4022, "ple_window")                       \
	X(INSN_TIMEOUT, 0x4024, "insn_timeout")                   \
	/* Read-only, 32 bits */                                  \
	X(INSN_ERROR, 0x4400, "insn_error")                       \
	X(EXIT_REASON, 0x4402, "exit_reason")                     \
	X(EXIT_EVENT, 0x4404, "exit_event")                       \
	X(EXIT_EVENT_ERROR, 0x4406, "exit_event_error")           \
	X(VECTORING, 0x4408, "vectoring")                         \
	X(VECTORING_ERROR, 0x440a, "vectoring_error")             \
	X(EXIT_INSN_LEN, 0x440c, "exit_insn_len")                 \
	X(EXIT_INSN_INFO, 0x440e, "exit_insn_info")               \
	/* Guest state, 32 bits */                                \
	X(GUEST_ES_LIMIT, 0x4800, "es.limit")                     \
	X(GUEST_CS_LIMIT, 0x4802, "cs.limit")                     \
	X(GUEST_SS_LIMIT, 0x4804, "ss.limit")                     \
	X(GUEST_DS_LIMIT, 0x4806, "ds.limit")                     \
	X(GUEST_FS_LIMIT, 0x4808, "fs.limit")                     \
	X(GUEST_GS_LIMIT, 0x480a, "gs.limit")                     \
	X(GUEST_LDTR_LIMIT, 0x480c, "ldtr.limit")                 \
	X(GUEST_TR_LIMIT, 0x480e, "tr.limit")                     \
	X(GUEST_GDTR_LIMIT, 0x4810, "gdtr.limit")                 \
	X(GUEST_IDTR_LIMIT, 0x4812, "idtr.limit")                 \
	X(GUEST_ES_AR, 0x4814, "es.ar")                           \
	X(GUEST_CS_AR, 0x4816, "cs.ar")                           \
	X(GUEST_SS_AR, 0x4818, "ss.ar")                           \
	X(GUEST_DS_AR, 0x481a, "ds.ar")                           \
	X(GUEST_FS_AR, 0x481c, "fs.ar")                           \
	X(GUEST_GS_AR, 0x481e, "gs.ar")                           \
	X(GUEST_LDTR_AR, 0x4820, "ldtr.ar")                       \
	X(GUEST_TR_AR, 0x4822, "tr.ar")                           \
	X(GUEST_INTERRUPTIBILITY, 0x4824, "interruptibility")     \
	X(GUEST_ACTIVITY, 0x4826, "activity")                     \
	X(GUEST_SMBASE, 0x4828, "smbase")                         \
	X(GUEST_SYSENTER_CS, 0x482a, "sysenter_cs")               \
	X(PREEMPTION_TIMER, 0x482e, "preemption_timer")           \
	/* Host state, 32 bits */                                 \
	X(HOST_SYSENTER_CS, 0x4c00, "host_sysenter_cs")           \
	/* Control fields, natural width */                       \
	X(CR0_MASK, 0x6000, "cr0_mask")                           \
	X(CR4_MASK, 0x6002, "cr4_mask")                           \
	X(CR0_SHADOW, 0x6004, "cr0_shadow")                       \
	X(CR4_SHADOW, 0x6006, "cr4_shadow")                       \
	X(CR3_TARGET0, 0x6008, "cr3_target0")                     \
	X(CR3_TARGET1, 0x600a, "cr3_target1")                     \
	X(CR3_TARGET2, 0x600c, "cr3_target2")                     \
	X(CR3_TARGET3, 0x600e, "cr3_target3")                     \
	/* Read-only, natural width */                            \
	X(QUALIFICATION, 0x6400, "qualification")                 \
	X(IO_RCX, 0x6402, "io_rcx")                               \
	X(IO_RSI, 0x6404, "io_rsi")                               \
	X(IO_RDI, 0x6406, "io_rdi")                               \
	X(IO_RIP, 0x6408, "io_rip")                               \
	X(GVA, 0x640a, "gva")                                     \
	/* Guest state, natural width */                          \
	X(GUEST_CR0, 0x6800, "cr0")                               \
	X(GUEST_CR3, 0x6802, "cr3")                               \
	X(GUEST_CR4, 0x6804, "cr4")                               \
	X(GUEST_ES_BASE, 0x6806, "es.base")                       \
	X(GUEST_CS_BASE, 0x6808, "cs.base")                       \
	X(GUEST_SS_BASE, 0x680a, "ss.base")                       \
	X(GUEST_DS_BASE, 0x680c, "ds.base")                       \
	X(GUEST_FS_BASE, 0x680e, "fs.base")                       \
	X(GUEST_GS_BASE, 0x6810, "gs.base")                       \
	X(GUEST_LDTR_BASE, 0x6812, "ldtr.base")                   \
	X(GUEST_TR_BASE, 0x6814, "tr.base")                       \
	X(GUEST_GDTR_BASE, 0x6816, "gdtr.base")                   \
	X(GUEST_IDTR_BASE, 0x6818, "idtr.base")                   \
	X(GUEST_DR7, 0x681a, "dr7")                               \
	X(GUEST_RSP, 0x681c, "rsp")                               \
	X(GUEST_RIP, 0x681e, "rip")                               \
	X(GUEST_RFLAGS, 0x6820, "rflags")                         \
	X(GUEST_PENDING_DB, 0x6822, "pending_db")                 \
	X(GUEST_SYSENTER_ESP, 0x6824, "sysenter_esp")             \
	X(GUEST_SYSENTER_EIP, 0x6826, "sysenter_eip")             \
	X(GUEST_S_CET, 0x6828, "s_cet")                           \
	X(GUEST_SSP, 0x682a, "ssp")                               \
	X(GUEST_ISST, 0x682c, "isst_addr")                        \
	/* Host state, natural width */                           \
	X(HOST_CR0, 0x6c00, "host_cr0")                           \
	X(HOST_CR3, 0x6c02, "host_cr3")                           \
	X(HOST_CR4, 0x6c04, "host_cr4")                           \
	X(HOST_FS_BASE, 0x6c06, "host_fs.base")                   \
	X(HOST_GS_BASE, 0x6c08, "host_gs.base")                   \
	X(HOST_TR_BASE, 0x6c0a, "host_tr.base")                   \
	X(HOST_GDTR_BASE, 0x6c0c, "host_gdtr.base")               \
	X(HOST_IDTR_BASE, 0x6c0e, "host_idtr.base")               \
	X(HOST_SYSENTER_ESP, 0x6c10, "host_sysenter_esp")         \
	X(HOST_SYSENTER_EIP, 0x6c12, "host_sysenter_eip")         \
	X(HOST_RSP, 0x6c14, "host_rsp")                           \
	X(HOST_RIP, 0x6c16, "host_rip")                           \
	X(HOST_S_CET, 0x6c18, "host_s_cet")                       \
	X(HOST_SSP, 0x6c1a, "host_ssp")                           \
	X(HOST_ISST, 0x6c1c, "host_isst_addr")

enum vmcs_field {
#define X(id, encoding, name) VMCS_##id = (encoding),
	VMCS_FIELDS(X)
#undef X
};

enum vmcs_width {
	VMCS_16,
	VMCS_64,
	VMCS_32,
	VMCS_NATURAL,
};

static inline enum vmcs_width vmcs_width(enum vmcs_field f)
{
	return (enum vmcs_width)((u32)f >> 13 & 3);
}

static inline bool vmcs_read_only(enum vmcs_field f)
{
	return ((u32)f >> 10 & 3) == 1;
}

/* The fields of segment seg (enum seg) stand side by side, as those of GDTR and IDTR behind TR. */
static inline enum vmcs_field vmcs_sel(u32 seg)
{
	return (enum vmcs_field)(VMCS_GUEST_ES_SEL + 2 * seg);
}

static inline enum vmcs_field vmcs_limit(u32 seg)
{
	return (enum vmcs_field)(VMCS_GUEST_ES_LIMIT + 2 * seg);
}

static inline enum vmcs_field vmcs_ar(u32 seg)
{
	return (enum vmcs_field)(VMCS_GUEST_ES_AR + 2 * seg);
}

static inline enum vmcs_field vmcs_base(u32 seg)
{
	return (enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * seg);
}

/* Source: Intel SDM 3C "Pin-Based VM-Execution Controls". */
#define PIN_INTR             BIT32(0)
#define PIN_NMI              BIT32(3)
#define PIN_VIRTUAL_NMI      BIT32(5)
#define PIN_PREEMPTION_TIMER BIT32(6)
#define PIN_POSTED_INTR      BIT32(7)

/* Source: Intel SDM 3C "Processor-Based VM-Execution Controls". */
#define PROC_INTR_WINDOW  BIT32(2)
#define PROC_TSC_OFFSET   BIT32(3)
#define PROC_HLT          BIT32(7)
#define PROC_INVLPG       BIT32(9)
#define PROC_MWAIT        BIT32(10)
#define PROC_RDPMC        BIT32(11)
#define PROC_RDTSC        BIT32(12)
#define PROC_CR3_LOAD     BIT32(15)
#define PROC_CR3_STORE    BIT32(16)
#define PROC_TERTIARY     BIT32(17)
#define PROC_CR8_LOAD     BIT32(19)
#define PROC_CR8_STORE    BIT32(20)
#define PROC_TPR_SHADOW   BIT32(21)
#define PROC_NMI_WINDOW   BIT32(22)
#define PROC_MOV_DR       BIT32(23)
#define PROC_IO           BIT32(24) /* every port; wins over the bitmaps */
#define PROC_IO_BITMAPS   BIT32(25)
#define PROC_MONITOR_TRAP BIT32(27)
#define PROC_MSR_BITMAPS  BIT32(28)
#define PROC_MONITOR      BIT32(29)
#define PROC_PAUSE        BIT32(30)
#define PROC_SECONDARY    BIT32(31)

#define PROC2_VIRTUAL_APIC    BIT32(0)
#define PROC2_EPT             BIT32(1)
#define PROC2_DESC_TABLE      BIT32(2)
#define PROC2_RDTSCP          BIT32(3)
#define PROC2_X2APIC          BIT32(4)
#define PROC2_VPID            BIT32(5)
#define PROC2_WBINVD          BIT32(6)
#define PROC2_UNRESTRICTED    BIT32(7)
#define PROC2_APIC_REGS       BIT32(8)
#define PROC2_VIRTUAL_INTR    BIT32(9)
#define PROC2_PAUSE_LOOP      BIT32(10)
#define PROC2_RDRAND          BIT32(11)
#define PROC2_INVPCID         BIT32(12)
#define PROC2_VMFUNC          BIT32(13)
#define PROC2_VMCS_SHADOWING  BIT32(14)
#define PROC2_ENCLS           BIT32(15)
#define PROC2_RDSEED          BIT32(16)
#define PROC2_PML             BIT32(17)
#define PROC2_VE              BIT32(18)
#define PROC2_PT_CONCEAL      BIT32(19)
#define PROC2_XSAVES          BIT32(20)
#define PROC2_PASID           BIT32(21)
#define PROC2_MBEC            BIT32(22)
#define PROC2_SPP             BIT32(23)
#define PROC2_PT_GPA          BIT32(24)
#define PROC2_TSC_SCALING     BIT32(25)
#define PROC2_USER_WAIT_PAUSE BIT32(26)
#define PROC2_PCONFIG         BIT32(27)
#define PROC2_ENCLV           BIT32(28)

/* Source: Intel SDM 3C "VM-Exit Controls". */
#define EXIT_CTL_SAVE_DEBUG   BIT32(2) /* DR7 and IA32_DEBUGCTL */
#define EXIT_CTL_HOST_64      BIT32(9)
#define EXIT_CTL_LOAD_PERF    BIT32(12)
#define EXIT_CTL_ACK_INTR     BIT32(15)
#define EXIT_CTL_SAVE_PAT     BIT32(18)
#define EXIT_CTL_LOAD_PAT     BIT32(19)
#define EXIT_CTL_SAVE_EFER    BIT32(20)
#define EXIT_CTL_LOAD_EFER    BIT32(21)
#define EXIT_CTL_SAVE_TIMER   BIT32(22)
#define EXIT_CTL_CLEAR_BNDCFG BIT32(23)
#define EXIT_CTL_LOAD_CET     BIT32(28)
#define EXIT_CTL_LOAD_PKRS    BIT32(29)
#define EXIT_CTL_SECONDARY    BIT32(31)

/* Source: Intel SDM 3C "VM-Entry Controls". */
#define ENTRY_CTL_LOAD_DEBUG  BIT32(2)
#define ENTRY_CTL_GUEST_64    BIT32(9) /* the guest's EFER.LMA */
#define ENTRY_CTL_SMM         BIT32(10)
#define ENTRY_CTL_NO_DUAL     BIT32(11)
#define ENTRY_CTL_LOAD_PERF   BIT32(13)
#define ENTRY_CTL_LOAD_PAT    BIT32(14)
#define ENTRY_CTL_LOAD_EFER   BIT32(15)
#define ENTRY_CTL_LOAD_BNDCFG BIT32(16)
#define ENTRY_CTL_LOAD_CET    BIT32(20)
#define ENTRY_CTL_LOAD_PKRS   BIT32(22)

/*
 * What only this vendor has in the word of vm/event_word.h, which here also says what an exit was
 * about. Source: Intel SDM 3C "Information for VM Exits Due to Vectored Events".
 */
#define EVENTINJ_TYPE_ICEBP 5U        /* INT1 */
#define EVENTINJ_TYPE_INT3  6U        /* INT3 and INTO */
#define EVENTINJ_TYPE_OTHER 7U        /* pending MTF exit */
#define EXIT_EVENT_UNBLOCK  BIT32(12) /* an IRET had ended the blocking of NMIs */

/* Source: Intel SDM 3C "Guest Non-Register State". */
#define BLOCKED_BY_STI    BIT32(0)
#define BLOCKED_BY_MOV_SS BIT32(1)
#define BLOCKED_BY_SMI    BIT32(2)
#define BLOCKED_BY_NMI    BIT32(3)
#define BLOCKED_ENCLAVE   BIT32(4)

enum vmcs_activity {
	ACTIVITY_ACTIVE,
	ACTIVITY_HLT,
	ACTIVITY_SHUTDOWN,
	ACTIVITY_WAIT_SIPI,
};

#define PENDING_DB_B       MASK(3, 0)
#define PENDING_DB_ENABLED BIT(12)
#define PENDING_DB_BS      BIT(14)
#define PENDING_DB_RTM     BIT(16)

/* Access rights: as struct segment.attr, but AVL, L, D and G stand at 12 .. 15.
 * Source: Intel SDM 3C "Guest Register State", "Format of Access Rights". */
#define AR_TYPE     MASK(3, 0)
#define AR_S        BIT32(4)
#define AR_DPL_BITS MASK(6, 5)
#define AR_DPL(a)   ((u32)FIELD(a, 6, 5))
#define AR_P        BIT32(7)
#define AR_L        BIT32(13)
#define AR_DB       BIT32(14)
#define AR_G        BIT32(15)
#define AR_UNUSABLE BIT32(16)
#define AR_RESERVED (MASK(11, 8) | MASK(31, 17))

/* Source: Intel SDM 3C "Extended-Page-Table Pointer (EPTP)". */
#define EPTP_WB        6ULL
#define EPTP_LEVELS(n) ((u64)((n)-1) << 3)
#define EPTP_AD        BIT(6)

#define VMCS_NO_LINK (~0ULL)

/* One entry of an MSR area. Source: Intel SDM 3C "VM-Exit Controls for MSRs". */
struct vmcs_msr {
	u32 index, reserved;
	u64 val;
};

#define EXIT_REASON_BASIC(r) ((u32)(r)&0xffff)
#define EXIT_REASON_FAILED   BIT32(31) /* VM-entry failed: the host's state was loaded */

/* Basic exit reasons. Source: Intel SDM 3D, appendix "VMX Basic Exit Reasons". */
enum vmexit_code {
	VMEXIT_EXCEPTION = 0, /* or NMI */
	VMEXIT_INTR = 1,
	VMEXIT_TRIPLE = 2,
	VMEXIT_INIT = 3,
	VMEXIT_SIPI = 4,
	VMEXIT_IO_SMI = 5,
	VMEXIT_SMI = 6,
	VMEXIT_INTR_WINDOW = 7,
	VMEXIT_NMI_WINDOW = 8,
	VMEXIT_TASK_SWITCH = 9,
	VMEXIT_CPUID = 10,
	VMEXIT_GETSEC = 11,
	VMEXIT_HLT = 12,
	VMEXIT_INVD = 13,
	VMEXIT_INVLPG = 14,
	VMEXIT_RDPMC = 15,
	VMEXIT_RDTSC = 16,
	VMEXIT_RSM = 17,
	VMEXIT_VMCALL = 18,
	VMEXIT_VMCLEAR = 19,
	VMEXIT_VMLAUNCH = 20,
	VMEXIT_VMPTRLD = 21,
	VMEXIT_VMPTRST = 22,
	VMEXIT_VMREAD = 23,
	VMEXIT_VMRESUME = 24,
	VMEXIT_VMWRITE = 25,
	VMEXIT_VMXOFF = 26,
	VMEXIT_VMXON = 27,
	VMEXIT_CR = 28,
	VMEXIT_MOV_DR = 29,
	VMEXIT_IO = 30,
	VMEXIT_RDMSR = 31,
	VMEXIT_WRMSR = 32,
	VMEXIT_BAD_GUEST = 33,
	VMEXIT_BAD_MSR_LOAD = 34,
	VMEXIT_MWAIT = 36,
	VMEXIT_MONITOR_TRAP = 37,
	VMEXIT_MONITOR = 39,
	VMEXIT_PAUSE = 40,
	VMEXIT_MACHINE_CHECK = 41, /* during VM-entry */
	VMEXIT_TPR = 43,
	VMEXIT_APIC_ACCESS = 44,
	VMEXIT_EOI = 45,
	VMEXIT_GDTR_IDTR = 46,
	VMEXIT_LDTR_TR = 47,
	VMEXIT_EPT_VIOLATION = 48,
	VMEXIT_EPT_MISCONFIG = 49,
	VMEXIT_INVEPT = 50,
	VMEXIT_RDTSCP = 51,
	VMEXIT_PREEMPTION_TIMER = 52,
	VMEXIT_INVVPID = 53,
	VMEXIT_WBINVD = 54,
	VMEXIT_XSETBV = 55,
	VMEXIT_APIC_WRITE = 56,
	VMEXIT_RDRAND = 57,
	VMEXIT_INVPCID = 58,
	VMEXIT_VMFUNC = 59,
	VMEXIT_ENCLS = 60,
	VMEXIT_RDSEED = 61,
	VMEXIT_PML_FULL = 62,
	VMEXIT_XSAVES = 63,
	VMEXIT_XRSTORS = 64,
	VMEXIT_PCONFIG = 65,
	VMEXIT_SPP = 66,
	VMEXIT_UMWAIT = 67,
	VMEXIT_TPAUSE = 68,
	VMEXIT_LOADIWKEY = 69,
	VMEXIT_ENCLV = 70,
	VMEXIT_SEAMCALL = 76,
	VMEXIT_TDCALL = 77,
	VMEXIT_RDMSR_IMM = 84, /* with the number in the instruction */
	VMEXIT_WRMSR_IMM = 85,
};

/* Qualifications. Source: Intel SDM 3C "Basic VM-Exit Information", one table for each. */
#define QUAL_IO_SIZE(q) (((u32)(q)&7) + 1)
#define QUAL_IO_IN      BIT(3)
#define QUAL_IO_STRING  BIT(4)
#define QUAL_IO_PORT(q) ((u16)((q) >> 16))

#define QUAL_CR_NR(q)   ((u8)((q)&15))
#define QUAL_CR_KIND(q) ((u32)((q) >> 4) & 3)
#define QUAL_CR_TO      0U /* MOV to CR */
#define QUAL_CR_FROM    1U
#define QUAL_CR_CLTS    2U
#define QUAL_CR_LMSW    3U
#define QUAL_CR_GPR(q)  ((u8)((q) >> 8 & 15))

#define QUAL_TASK_SEL(q)    ((u16)(q))
#define QUAL_TASK_SOURCE(q) ((u32)((q) >> 30) & 3) /* CALL, IRET, JMP, task gate in the IDT */

#define QUAL_EPT_R         BIT(0)
#define QUAL_EPT_W         BIT(1)
#define QUAL_EPT_X         BIT(2)
#define QUAL_EPT_PRESENT   MASK(5, 3) /* rights that the entry has */
#define QUAL_EPT_GVA_VALID BIT(7)
#define QUAL_EPT_FINAL     BIT(8)  /* else while the guest's own tables were walked */
#define QUAL_EPT_UNBLOCK   BIT(12) /* an IRET had ended the blocking of NMIs */

/*
 * Of the areas from which VM-entry and VM-exit load MSRs. Source: Intel SDM 3C "VM-Entry Controls
 * for MSRs", "VM-Exit Controls for MSRs".
 */
struct vmx_msr {
	u32 index, reserved;
	u64 value;
};
