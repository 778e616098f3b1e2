/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostile_svm: a guest that was not given virtualisation tries to use it.
 *
 * CPUID shows no SVM and no VMX, EFER.SVME cannot be set, and every instruction of both extensions
 * raises #UD, VMMCALL and VMCALL aside, which are the hypervisor's own door. That one is opened
 * with random numbers and must answer every time without harm. Source: AMD APM 2 "Secure Virtual
 * Machine", "Enabling SVM".
 */

#include "tests/guests/lib/guest.h"

static void instructions(void)
{
	static u64 operand = 0x1000;

	check(PROBE("vmrun", , "a"(0)) == EXC_UD, "hostile_svm.vmrun", "vector %d",
	      caught()->vector);
	check(PROBE("vmload", , "a"(0)) == EXC_UD, "hostile_svm.vmload", "vector %d",
	      caught()->vector);
	check(PROBE("vmsave", , "a"(0)) == EXC_UD, "hostile_svm.vmsave", "vector %d",
	      caught()->vector);
	check(PROBE("stgi", , ) == EXC_UD, "hostile_svm.stgi", "vector %d", caught()->vector);
	check(PROBE("clgi", , ) == EXC_UD, "hostile_svm.clgi", "vector %d", caught()->vector);
	check(PROBE("invlpga", , OPERANDS("a"(0), "c"(0))) == EXC_UD, "hostile_svm.invlpga",
	      "vector %d", caught()->vector);
	check(PROBE("skinit", , "a"(0)) == EXC_UD, "hostile_svm.skinit", "vector %d",
	      caught()->vector);
	check(PROBE("vmxon %0", , "m"(operand)) == EXC_UD, "hostile_svm.vmxon", "vector %d",
	      caught()->vector);
	check(PROBE("vmlaunch", , ) == EXC_UD, "hostile_svm.vmlaunch", "vector %d",
	      caught()->vector);
	check(PROBE("vmptrld %0", , "m"(operand)) == EXC_UD, "hostile_svm.vmptrld", "vector %d",
	      caught()->vector);
}

static void hypercalls(void)
{
	u64 n = 0x243f6a8885a308d3;
	u32 answers = 0;

	for (u32 i = 0; i < 2000; i++) {
		u64 ax = i < 256 ? i : n, bx = n * 3, cx = n * 5, dx = n * 7;

		n = n * 6364136223846793005ULL + 1442695040888963407ULL;
		answers += PROBE("vmmcall", OPERANDS("+a"(ax), "+b"(bx), "+c"(cx), "+d"(dx)), ) ==
			   NO_TRAP;
	}
	/* Number 0 is Umbra's ping; the others do not exist. */
	check(answers <= 1, "hostile_svm.hypercalls", "%u answers to 2000", answers);
}

void guest_main(void)
{
	if (on_tcg()) {
		skip("hostile_svm", "the bare machine has SVM");
		return;
	}
	check(!(cpuid(0x80000001, 0).ecx & BIT32(2)), "hostile_svm.cpuid_svm", "shown");
	check(!(cpuid(1, 0).ecx & BIT32(5)), "hostile_svm.cpuid_vmx", "shown");
	check(try_wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME) == EXC_GP, "hostile_svm.efer_svme",
	      "EFER = 0x%llx", (unsigned long long)rdmsr(MSR_EFER));
	instructions();
	hypercalls();
}
