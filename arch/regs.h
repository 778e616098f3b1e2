/* SPDX-License-Identifier: BSD-2-Clause */
/* Architectural register bits. Source: AMD APM 2 "System Resources"; Intel SDM 3A "Control
 * Registers". */
#pragma once

#include "lib/types.h"

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR3_PCID_MASK MASK(11, 0)
#define CR3_NOFLUSH   BIT(63)

#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_SMXE       BIT(14)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)
#define CR4_CET        BIT(23)
#define CR4_PKS        BIT(24)

#define EFER_SCE   BIT(0)
#define EFER_LME   BIT(8)
#define EFER_LMA   BIT(10)
#define EFER_NXE   BIT(11)
#define EFER_SVME  BIT(12)
#define EFER_LMSLE BIT(13)
#define EFER_FFXSR BIT(14)
#define EFER_TCE   BIT(15)

#define RFLAGS_CF   BIT(0)
#define RFLAGS_ONE  BIT(1)
#define RFLAGS_PF   BIT(2)
#define RFLAGS_AF   BIT(4)
#define RFLAGS_ZF   BIT(6)
#define RFLAGS_SF   BIT(7)
#define RFLAGS_TF   BIT(8)
#define RFLAGS_IF   BIT(9)
#define RFLAGS_DF   BIT(10)
#define RFLAGS_OF   BIT(11)
#define RFLAGS_IOPL MASK(13, 12)
#define RFLAGS_NT   BIT(14)
#define RFLAGS_RF   BIT(16)
#define RFLAGS_VM   BIT(17)
#define RFLAGS_AC   BIT(18)
#define RFLAGS_VIF  BIT(19)
#define RFLAGS_VIP  BIT(20)
#define RFLAGS_ID   BIT(21)

#define DR6_FIXED    0xffff0ff0ULL /* bits that read as one */
#define DR6_WRITABLE (DR6_B | DR6_BD | DR6_BS | DR6_BT)
#define DR6_B        MASK(3, 0) /* B0 .. B3 */
#define DR6_BD       BIT(13)
#define DR6_BS       BIT(14)
#define DR6_BT       BIT(15)
#define DR7_LOCAL    0x155ULL /* L0, L1, L2, L3, LE */
#define DR7_FIXED    BIT(10)
#define DR7_WRITABLE 0xffff23ffULL
#define DR7_ENABLED  MASK(7, 0) /* L0, G0 .. L3, G3 */
#define DR7_GD       BIT(13)

/* IA32_DEBUGCTL: branches are recorded; with RFLAGS.TF only branches trap. */
#define DEBUGCTL_LBR BIT(0)
#define DEBUGCTL_BTF BIT(1)

/* After RESET. Source: AMD APM 2 "Processor Initialization State"; Intel SDM 3A "Processor State
 * After Reset". */
#define CR0_RESET (CR0_CD | CR0_NW | CR0_ET)
#define PAT_RESET 0x0007040600070406ULL
#define RIP_RESET 0xfff0

/* Exception vectors. Source: AMD APM 2 "Vectors". */
enum {
	EXC_DE = 0,
	EXC_DB = 1,
	EXC_NMI = 2,
	EXC_BP = 3,
	EXC_OF = 4,
	EXC_BR = 5,
	EXC_UD = 6,
	EXC_NM = 7,
	EXC_DF = 8,
	EXC_TS = 10,
	EXC_NP = 11,
	EXC_SS = 12,
	EXC_GP = 13,
	EXC_PF = 14,
	EXC_MF = 16,
	EXC_AC = 17,
	EXC_MC = 18,
	EXC_XM = 19,
};

/* Page-fault error code. Source: AMD APM 2 "#PF: Page-Fault Exception". */
#define PFEC_P    BIT32(0)
#define PFEC_W    BIT32(1)
#define PFEC_U    BIT32(2)
#define PFEC_RSVD BIT32(3)
#define PFEC_F    BIT32(4)
#define PFEC_PK   BIT32(5)

/* General-purpose registers in instruction-encoding order; index of struct vcpu_regs.gpr. */
enum gpr {
	R_AX,
	R_CX,
	R_DX,
	R_BX,
	R_SP,
	R_BP,
	R_SI,
	R_DI,
	R_8,
	R_9,
	R_10,
	R_11,
	R_12,
	R_13,
	R_14,
	R_15,
};

/* Segment registers in instruction-encoding order. */
enum seg {
	S_ES,
	S_CS,
	S_SS,
	S_DS,
	S_FS,
	S_GS,
	S_LDTR,
	S_TR,
	S_NR,
};
