# SPDX-License-Identifier: BSD-2-Clause
"""A real Linux kernel as guest: its login shell, its log, power-off and reboot."""

import machine
import linux


def bare_errors(tmp_log):
    """What the same kernel calls an error without a hypervisor below it."""
    args = ["-cpu", "max", "-smp", "2", "-m", "256M", "-kernel", f"{linux.FOLDER}/vmlinuz",
            "-initrd", f"{linux.FOLDER}/initramfs", "-append", "console=ttyS0 hostname=bare"]
    with machine.Qemu(args, limit=90, log=tmp_log) as qemu:
        linux.login(qemu)
        return linux.errors(qemu)


def test_login_shell_without_new_errors(boot):
    """Two CPUs, and no error that the kernel does not print on the bare machine."""
    with boot() as qemu:
        linux.login(qemu)
        assert linux.run(qemu, "nproc") == (0, "2\n")
        errors = linux.errors(qemu)
        assert linux.complaints(qemu) == []
    bare = bare_errors(f"{machine.BUILD}/results/system/bare.log")
    assert [e for e in errors if e not in bare] == []


def test_poweroff_then_reset(boot):
    """The guest switches itself off, the shell says so and can start it again."""
    with boot() as qemu:
        linux.login(qemu)
        qemu.serial.send("poweroff\r")
        qemu.shell(timeout=60)
        assert qemu.vm_state("linux") == "off"
        qemu.run("vm reset linux")
        qemu.console("linux")
        qemu.serial.expect("Linux version")  # behind what the console shows again of the old run
        linux.login(qemu)
        assert linux.run(qemu, "nproc") == (0, "2\n")


def test_reboot(boot):
    """The guest restarts itself, and nothing else."""
    with boot() as qemu:
        linux.login(qemu)
        qemu.serial.send("reboot\r")
        qemu.serial.expect("Linux version")
        linux.login(qemu)
        assert linux.run(qemu, "nproc") == (0, "2\n")
        qemu.to_shell()
        assert qemu.vm_state("linux") == "running"
