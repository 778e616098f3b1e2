# SPDX-License-Identifier: BSD-2-Clause
"""What others need for the same operations, and the goals.

All figures are executed instructions per round trip, seen from the guest, measured on the machine
that `make bench` uses: QEMU 7.2 TCG, -cpu max, -icount shift=0, one CPU.

KVM       Linux 6.1.192, kvm-amd, npt=1, QEMU 7.2 as its user space, mitigations=off; ports and
          timers are those that KVM handles in the kernel
VMX       Umbra on Bochs 2.7, model icelake, whose counter advances by one an instruction, too
BitVisor  nested paging; ports, the local APIC and timers are handed through: no figure there
floor     a minimal SVM hypervisor: all registers saved, VMLOAD and VMSAVE, a C switch, nothing else

Where it says npt=0, KVM and BitVisor shadow the guest's page tables.
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
    no_fetch: bool = False  # neither vendor's exit makes the hypervisor read the instruction


OPERATIONS = [
    Operation("hypercall", "hypercall", floor=101, in_mean=False, no_fetch=True),
    Operation("cpuid", "CPUID", 2842, bitvisor=355, floor=366),
    Operation("pio_read", "port read", 1452, floor=156, no_fetch=True),
    Operation("pio_write", "port write", 1459, no_fetch=True),
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
VMX_GOAL = 1.5       # VMX of SVM's figure, for exits without a fetch
VMX_CPUID_GOAL = 200  # VMX gives the instruction's length
IMAGE_GOAL = 400     # KiB of text and data
BOOT_GOAL = 100e6    # instructions, multiboot entry to the guest's first, 256 MiB guest


def overhead_goal(memory_kib, vcpus):
    """KiB that a VM may cost beside its memory."""
    return 0.003 * memory_kib + 64 + 48 * vcpus


@dataclass
class PagingOperation:
    """One loop of tests/guests/bench_paging.c. `native` is what the loop itself has."""

    name: str
    text: str
    native: int
    kvm: int               # npt=0
    bitvisor: int          # its shadow paging
    goal: int | None = None  # instructions; None: a share of KVM's


PAGING_GOAL = 1 / 4  # of KVM's

PAGING_OPERATIONS = [
    PagingOperation("cr3_reload_0", "CR3 again", 3, 3313, 16379),
    PagingOperation("cr3_reload_8", "CR3 again, read 8 pages", 11, 3326, 21977),
    PagingOperation("cr3_reload_32", "CR3 again, read 32 pages", 133, 3442, 22099),
    PagingOperation("cr3_switch", "CR3 to another space and back", 4, 6852, 32756),
    PagingOperation("invlpg", "INVLPG", 3, 3634, 10647),
    PagingOperation("remap", "entry changed, INVLPG, read", 11, 9693, 20972),
    PagingOperation("demand_fault", "#PF that the guest handles", 13, 11846, 23670),
    PagingOperation("first_touch", "first read of a mapped page", 4, 4606, 5449),
    PagingOperation("cr0_wp", "CR0.WP off and on", 4, 10739, 32938, goal=1400),
    PagingOperation("cr4_pge", "CR4.PGE off and on", 4, 6903, 32782, goal=1200),
]


def loop(times, command):
    """A line for the shell that does the command so often."""
    return f"i=0; while [ $i -lt {times} ]; do {command}; i=$((i+1)); done"


@dataclass
class Phase:
    """
    Work that Linux does, as a line for its shell, and what it cost others with npt=0 in the first
    round, million instructions and exits. `native` is the bare machine of those measurements, which
    differs from ours by a few per cent.
    """

    name: str
    command: str
    native: float
    kvm: float
    kvm_exits: int
    bitvisor: float

    @property
    def kvm_added(self):
        """What KVM adds to the bare machine, million instructions."""
        return self.kvm - self.native


PHASES = [
    Phase("200 x fork+exec", loop(200, "/bin/true"), 216, 672, 53730, 642),
    Phase("100 x fork", loop(100, "( : )"), 54.8, 185, 13239, 195),
    Phase("20 x dd 2 MB, 4-stage pipe",
          loop(20, "dd if=/dev/zero of=/dev/null bs=1M count=2 2>/dev/null; "
                   "echo a | cat | cat | cat >/dev/null"), 180, 439, 34215, 438),
]

NESTED_GOAL = 1.01   # of the bare machine
ADDED_GOAL = 1 / 6   # of what KVM adds
ADDED_AIM = 1 / 10
EXITS_GOAL = 0.7     # of KVM's
EXITS_AIM = 0.5
