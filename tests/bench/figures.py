# SPDX-License-Identifier: BSD-2-Clause
"""What others need for the same operations, and the goals.

All figures are executed instructions per round trip, seen from the guest, measured on the machine
that `make bench` uses: QEMU 7.2 TCG, -cpu max, -icount shift=0, one CPU.

KVM       Linux 6.1.192, kvm-amd, npt=1, QEMU 7.2 as its user space, mitigations=off; ports and
          timers are those that KVM handles in the kernel
BitVisor  nested paging; ports, the local APIC and timers are handed through: no figure there
floor     a minimal SVM hypervisor: all registers saved, VMLOAD and VMSAVE, a C switch, nothing else
"""

from dataclasses import dataclass


@dataclass
class Operation:
    """One row of the table; `name` is what tests/guests/bench.c calls it."""

    name: str
    text: str
    kvm: int | None = None
    bitvisor: int | None = None
    floor: int | None = None
    in_mean: bool = True  # the goal is the mean over these


OPERATIONS = [
    Operation("hypercall", "hypercall", floor=101, in_mean=False),
    Operation("cpuid", "CPUID", 2842, bitvisor=355, floor=366),
    Operation("pio_read", "port read", 1452, floor=156),
    Operation("pio_write", "port write", 1459),
    Operation("rdmsr", "RDMSR TSC_ADJUST", 2853, bitvisor=7106),
    Operation("wrmsr", "WRMSR TSC_ADJUST", 2926, bitvisor=7120),
    Operation("self_ipi", "self-IPI with EOI, APIC page", 9145),
    Operation("eoi", "EOI, APIC page", 3377, floor=402),
    Operation("deadline", "TSC-deadline timer", 10722),
    Operation("timer_hlt", "APIC timer with HLT", 13601),
    Operation("ipi", "IPI to a 2nd vCPU, same CPU", 35674),
    Operation("cr0_wp", "CR0.WP off and on", 8808, bitvisor=21075, floor=823, in_mean=False),
    Operation("cr4_pge", "CR4.PGE off and on", 6787, bitvisor=4, floor=701, in_mean=False),
]

MEAN_GOAL = 1 / 6    # geometric mean of Umbra/KVM
MEAN_AIM = 1 / 8
WORST_GOAL = 1 / 4   # no single ratio above
CPUID_GOAL = 355     # below BitVisor's
HYPERCALL_GOAL = 200
IMAGE_GOAL = 400     # KiB of text and data
BOOT_GOAL = 100e6    # instructions, multiboot entry to the guest's first, 256 MiB guest


def overhead_goal(memory_kib, vcpus):
    """KiB that a VM may cost beside its memory."""
    return 0.003 * memory_kib + 64 + 48 * vcpus


@dataclass
class Phase:
    """Work that Linux does, as a line for its shell."""

    name: str
    command: str
    kvm_ratio: float | None = None  # instructions under KVM (npt=1) to those on the bare machine


PHASES = [
    Phase("200 x /bin/true", "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done", 1.09),
    Phase("100 x ( : )", "i=0; while [ $i -lt 100 ]; do ( : ); i=$((i+1)); done", 0.97),
    Phase("20 x dd 2 MB, 4-stage pipe",
          "i=0; while [ $i -lt 20 ]; do dd if=/dev/zero bs=64k count=32 2>/dev/null | cat | cat | "
          "cat >/dev/null; i=$((i+1)); done"),
]
