# SPDX-License-Identifier: BSD-2-Clause
"""Real kernels in every paging mode, under nested and under shadow paging.

Each boots to its login shell, forks and executes while the MMU's invariants are checked, and
switches itself off. That a kernel really uses the paging mode that it is here for, the hypervisor's
shell says from its control registers.
"""

from dataclasses import dataclass

import pytest

import linux
import machine
import matrix

LIMIT = 1800  # seconds on Bochs; on a busy computer a row takes up to 450 of them
CR4_PAE = 1 << 5
CR4_LA57 = 1 << 12
EFER_LMA = 1 << 10
FORKS = "i=0; while [ $i -lt 200 ]; do /bin/true; ( : ); i=$((i+1)); done; echo forked $i"


@dataclass
class Kernel:
    """One kernel: its file, what it is started with, and what it must then be."""

    file: str  # a file of linux.FOLDER
    mode: str  # paging mode
    cmdline: str = ""
    vcpus: int = 1
    pti: bool | None = None  # two tables for each process; None: as the kernel likes
    memory: str = "256M"

    @property
    def initrd(self):
        """The user space that this kernel runs."""
        return "initramfs-i386" if "686" in self.file else "initramfs"

    def __str__(self):
        words = [self.file.replace("vmlinuz", "cloud"), *self.cmdline.split()]
        return "-".join([*words, f"{self.vcpus}cpu"])


CLOUD = [Kernel("vmlinuz", "5-level", vcpus=n) for n in (1, 2)]
OTHERS = [
    Kernel("vmlinuz", "4-level", "no5lvl"),
    Kernel("amd64", "5-level", "pti=on", pti=True),
    Kernel("amd64", "5-level", "pti=off", pti=False),
    Kernel("amd64", "4-level", "pti=on no5lvl", vcpus=2, pti=True),
    Kernel("686", "2-level"),
    Kernel("686-pae", "PAE", "pti=off", pti=False),
    Kernel("686-pae", "PAE", "pti=on", pti=True),
    Kernel("686-pae", "PAE", "pti=on", vcpus=2, pti=True),
]
# ryzen has holes that Linux warns of. No model of Bochs has five levels.
CLOUD_4 = [Kernel("vmlinuz", "4-level", "mitigations=off", vcpus=n) for n in (1, 2)]
OTHERS_4 = [
    Kernel("amd64", "4-level", "mitigations=off pti=on", vcpus=n, pti=True) for n in (1, 2)
] + [
    Kernel("686", "2-level", "mitigations=off"),
    Kernel("686-pae", "PAE", "mitigations=off pti=off", pti=False),
    *(Kernel("686-pae", "PAE", "mitigations=off pti=on", vcpus=n, pti=True) for n in (1, 2)),
]
# Machines with their kernels; make test has time for the first machine and Debian's cloud kernel.
KERNELS = (("qemu-svm", CLOUD + OTHERS), ("bochs-svm", CLOUD_4), ("bochs-vmx", CLOUD_4 + OTHERS_4),
           ("bochs-vmx-lynnfield", CLOUD_4), ("bochs-vmx-restricted", CLOUD_4),
           ("bochs-vmx-plain", CLOUD_4), ("bochs-vmx-penryn", CLOUD_4[:1]))


def rows():
    """One for each machine, kernel and kind of paging."""
    for name, kernels in KERNELS:
        host = matrix.MACHINES[name]
        for k in kernels:
            for p in host.pagings:
                marks = [] if k in CLOUD and host.emulator == "qemu" else [pytest.mark.long]
                yield pytest.param(host, k, p, id=f"{name}-{k}-{p}", marks=marks)


def paging_mode(qemu):
    """The paging mode of the guest's CPU 0."""
    regs = {r["register"]: int(r["value"], 16) for r in qemu.json("vcpu regs linux.0")
            if r.get("register") in ("cr4", "efer")}
    if regs["efer"] & EFER_LMA:
        return "5-level" if regs["cr4"] & CR4_LA57 else "4-level"
    return "PAE" if regs["cr4"] & CR4_PAE else "2-level"


def audit(qemu):
    """No invariant of the MMU is broken."""
    total = qemu.json("mmu audit linux", timeout=60)
    assert total[-1]["errors"] == 0, total


def fork_under_audit(qemu, limit):
    """The guest forks and executes; meanwhile the invariants are checked, again and again."""
    qemu.serial.send(f"{FORKS}\r")
    qemu.serial.expect(r"\n")
    qemu.to_shell()
    for _ in range(5):
        audit(qemu)
    assert qemu.vm_state("linux") == "running"
    qemu.console("linux")
    qemu.serial.expect("forked 200", timeout=limit)
    qemu.serial.expect(linux.PROMPT)


def complaints(qemu, host):
    """The kernel's, but for the warnings about XSAVE's layout that it has on bare Bochs as well."""
    lines = linux.complaints(qemu)
    if host.emulator != "bochs":
        return lines
    own = [x for x in lines if "fpu/xstate.c:" in x]
    own += [x for x in lines if "Call Trace:" in x][:len(own)]
    return [x for x in lines if x not in own]


@pytest.mark.timeout(LIMIT, method="signal")
@pytest.mark.parametrize("host,kernel,paging", rows())
def test_kernel(boot, host, kernel, paging):
    """To the login shell, forks, power-off."""
    ini = linux.ini(kernel.vcpus, memory=kernel.memory, cmdline=kernel.cmdline,
                    paging=host.word(paging))
    files = [("vmlinuz", f"{linux.FOLDER}/{kernel.file}"),
             ("initramfs", f"{linux.FOLDER}/{kernel.initrd}")]
    limit = 240 if host.emulator == "qemu" else LIMIT
    with boot(ini, files, host=host, smp=kernel.vcpus, mem="1G", limit=limit) as qemu:
        linux.login(qemu, timeout=limit / 2)
        assert linux.run(qemu, "nproc") == (0, f"{kernel.vcpus}\n")
        if kernel.pti is not None:
            status, _ = linux.run(qemu, "grep -qw pti /proc/cpuinfo")
            assert (status == 0) == kernel.pti
        fork_under_audit(qemu, limit)
        assert complaints(qemu, host) == []
        qemu.to_shell()
        assert paging_mode(qemu) == kernel.mode
        qemu.console("linux")
        qemu.serial.send("\rpoweroff\r")
        qemu.shell(timeout=60)
        assert qemu.vm_state("linux") == "off"
        audit(qemu)
