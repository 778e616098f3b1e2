# SPDX-License-Identifier: BSD-2-Clause
"""Linux under load on every kind of machine: nothing is lost, and the hypervisor stays sane."""

import re

import pytest

import linux

# vCPUs, CPUs, seconds of stress
SHORT = [(1, 1, 10), (2, 1, 10), (2, 2, 10), (4, 2, 10), (4, 4, 10), (8, 2, 10)]
LONG = [(2, 1, 60), (2, 2, 60), (1, 2, 10), (1, 4, 10), (2, 4, 10), (4, 1, 10), (8, 2, 60),
        (4, 4, 60)]
MATRIX = SHORT + [pytest.param(*x, marks=pytest.mark.long) for x in LONG]


def stress(qemu, seconds, limit):
    """The load in the guest that has the line; its own verdict and the kernel's."""
    qemu.serial.send(f"stress {seconds}\r")
    qemu.serial.expect(r"stress: (ok|FAILED|lost)[^\r]*\r", timeout=limit)
    said = qemu.serial.match[0]
    qemu.serial.expect(linux.PROMPT, timeout=60)
    assert said.startswith("stress: ok"), said
    assert linux.complaints(qemu) == []


def audit(qemu, name, vcpus):
    """The invariants of the MMU and the rules for entering a guest, while it runs."""
    total = qemu.json(f"mmu audit {name}")
    assert total[-1]["errors"] == 0, total
    for n in range(vcpus):
        assert all("rule" not in r for r in qemu.json(f"vcpu check {name}.{n}"))
    assert qemu.vm_state(name) == "running"


@pytest.mark.timeout(400, method="signal")
@pytest.mark.parametrize("vcpus,cpus,seconds", MATRIX)
def test_stress(boot, vcpus, cpus, seconds):
    """One machine, with fewer, as many and more virtual CPUs than there are CPUs."""
    with boot(linux.ini(vcpus), smp=cpus, limit=400) as qemu:
        linux.login(qemu, timeout=120)
        assert linux.run(qemu, "nproc") == (0, f"{vcpus}\n")
        stress(qemu, seconds, seconds + 150)
        qemu.to_shell()
        audit(qemu, "linux", vcpus)


@pytest.mark.timeout(400, method="signal")
def test_two_machines(boot):
    """Both under load at the same time, each with two virtual CPUs on the same two CPUs."""
    with boot(linux.ini(2, "a") + linux.ini(2, "b"), smp=2, limit=400) as qemu:
        qemu.shell()
        for name in ("a", "b"):
            qemu.console(name)
            linux.login(qemu, timeout=120)
            qemu.to_shell()
        qemu.console("a")
        qemu.serial.send("stress 30 >said &\r")
        qemu.serial.expect(linux.PROMPT)
        qemu.to_shell()
        qemu.console("b")
        stress(qemu, 10, 80)
        qemu.to_shell()
        qemu.console("a")
        status, said = linux.run(qemu, "wait; cat said", timeout=100)
        assert status == 0 and re.search(r"^stress: ok", said, re.M), said
        assert linux.complaints(qemu) == []
        qemu.to_shell()
        for name in ("a", "b"):
            audit(qemu, name, 2)
