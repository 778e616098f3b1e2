# SPDX-License-Identifier: BSD-2-Clause
"""The same on both vendors' CPUs: what the shell prints has one shape, and every command works."""

import machine
import matrix
import pytest

HOSTS = [matrix.MACHINES[name] for name in ("qemu-svm", "bochs-vmx")]
FIRST, FRAMES, CODE = 0x2000, 700, 0x2400  # as tests/guests/writer.c has them
WRITER = ("writer", f"{machine.BUILD}/guest/writer")
INI = "[vm w]\ncpus = 1\nmemory = 64M\npaging = {}\nkernel = writer\ndebug_exit = yes\n"


def start(boot, host, paging="nested"):
    """A machine with the guest, which waits for a key."""
    return boot(INI.format(host.word(paging)), [WRITER], host=host, smp=1, mem="512M")


def ready(vm):
    """Wait until the guest does, and take the line."""
    vm.serial.expect("writer waits", timeout=60)
    vm.to_shell()


def press(vm, key, answer):
    """Let the guest do what the key says."""
    vm.console("w")
    vm.quiet()
    vm.serial.buffer = ""
    vm.serial.send(key)
    vm.serial.expect(answer, timeout=30)
    vm.to_shell()


def write(vm):
    """Let the guest write its frames."""
    press(vm, "x", f"wrote {FRAMES} frames")


def written(vm):
    """The record of the memory above the first MiB."""
    return vm.json("mmu dirty w")[-1]


def logged_faults(vm):
    """How often a write faulted for the log."""
    vm.run("vm pause w")
    rows = vm.json("mmu stat w", timeout=60)
    vm.run("vm resume w")
    return next(r["count"] for r in rows if r["counter"] == "dirty")


@pytest.mark.parametrize("paging", matrix.PAGINGS)
@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_dirty_log(boot, host, paging):
    """The log has each frame that is written, once, and no other but for the guest's own data."""
    with start(boot, host, paging) as vm:
        ready(vm)
        vm.run("mmu dirty w on")
        for _ in range(2):
            write(vm)
            row = written(vm)
            assert FRAMES <= row["written"] < FRAMES + 40, row
            assert int(row["last"], 16) == FIRST + FRAMES - 1, row
            assert written(vm)["written"] < 40
            assert vm.json("mmu audit w")[-1]["errors"] == 0
        by_hardware = host.backend == "vmx"
        if paging == "nested":
            assert (logged_faults(vm) < FRAMES) == by_hardware
        vm.run("mmu dirty w off")
        assert vm.json("mmu dirty w") == []
        write(vm)
        assert vm.json("mmu audit w")[-1]["errors"] == 0


def watched(vm, frame):
    """The record of the watch of a frame."""
    return next(r for r in vm.json("mmu watch w") if int(r["gfn"], 16) == frame)


def hit(vm, frame, access, exact):
    """The frame's watch was hit, by this access, and told so; exact: all of the address."""
    row = watched(vm, frame)
    assert (row["state"], row["access"], row["vcpu"]) == ("hit", access, "w.0"), row
    assert int(row["gpa"], 16) >> 12 == frame, row
    assert row["gva"] == "-" or int(row["gva"], 16) >> 12 == frame, row
    assert exact is None or int(row["gpa"], 16) == exact, row
    assert f"gpa {int(row['gpa'], 16):x}" in vm.run("log")
    return row


@pytest.mark.parametrize("paging", matrix.PAGINGS)
@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_watch(boot, host, paging):
    """The next access of the kind is told, once, and no other; code in a frame without R runs."""
    exec_only = host.backend == "vmx" and paging == "nested"
    with start(boot, host, paging) as vm:
        ready(vm)
        answer = vm.json(f"mmu watch w {CODE:#x} r")
        assert answer[0]["catches"] == ("rw" if exec_only else "rwx"), answer
        assert (len(answer) == 2) == (not exec_only), answer
        press(vm, "c", "called 42")
        if exec_only:
            assert watched(vm, CODE)["state"] == "armed"
            assert vm.json("mmu audit w")[-1]["errors"] == 0
            press(vm, "r", "read 42")
            row = hit(vm, CODE, "read", (CODE << 12) + 1)
            assert int(row["gva"], 16) == (CODE << 12) + 1
        else:
            assert int(hit(vm, CODE, "execute", CODE << 12)["rip"], 16) == CODE << 12
        press(vm, "r", "read 42")
        vm.run(f"mmu watch w {CODE:#x} x")
        press(vm, "r", "read 42")
        assert watched(vm, CODE)["state"] == "armed"
        press(vm, "c", "called 42")
        assert int(hit(vm, CODE, "execute", CODE << 12)["rip"], 16) == CODE << 12
        vm.run(f"mmu watch w {FIRST + 5:#x} w")
        for _ in range(2):
            write(vm)
            hit(vm, FIRST + 5, "write", (FIRST + 5) << 12)
        assert vm.run("log").count("watch: vCPU") == 3
        assert vm.json("mmu audit w")[-1]["errors"] == 0


COMMANDS = ("cpu list", "cpu features", "cpu backend", "mem", "vm list", "vcpu regs w",
            "vcpu why w", "vcpu exits w", "vcpu check w", "vcpu dump w", "mmu slots w",
            "mmu audit w", "mmu stat w", "mmu walk w gva rip x", "mmu tree w direct lines=20",
            "mmu tree w lines=20", "mmu dirty w", "mmu watch w")
NESTED_COMMANDS = ("mmu walk w gpa 0x200000 w",)
SHADOW_COMMANDS = ("mmu gfn w 0x200", "mmu roots w", "mmu set w", "mmu unsync w")
# Intel's capability MSRs allow and demand bits of control words; AMD has nothing like that.
CONTROLS = ("controls", "must_be_1", "may_be_1", "used")


def shape(vm, command):
    """The kinds of records that a command prints: the names of their fields."""
    kinds = {tuple(r) for r in vm.json(command, timeout=60)}
    return kinds - {CONTROLS} if command == "cpu backend" else kinds


def told_at_boot(vm, host):
    """The boot log has the table of what the CPU can do."""
    log = vm.log.plain()
    lines = [line.rstrip() for line in vm.run("cpu backend").splitlines() if line.strip()]
    return lines and all(f"{host.backend}: {line}" in log for line in lines)


@pytest.mark.parametrize("paging", matrix.PAGINGS)
def test_shape(boot, paging):
    """Each command prints records with the same fields, and the boot log has those of the CPU."""
    commands = COMMANDS + (SHADOW_COMMANDS if paging == "shadow" else NESTED_COMMANDS)
    shapes = []
    for host in HOSTS:
        with start(boot, host, paging) as vm:
            ready(vm)
            assert told_at_boot(vm, host)
            vm.run("mmu dirty w on")
            vm.run("mmu watch w 0x2800 x")
            shapes.append({c: shape(vm, c) for c in commands})
    assert shapes[0] == shapes[1]
    assert all(shapes[0][c] for c in commands if c != "vcpu check w"), shapes[0]
