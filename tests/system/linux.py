# SPDX-License-Identifier: BSD-2-Clause
"""The Linux guest of the whole-image tests: its description, its login shell, its complaints."""

import re

import machine

FOLDER = f"{machine.BUILD}/guest/linux"
FILES = [(name, f"{FOLDER}/{name}") for name in ("vmlinuz", "initramfs")]
LOGIN = "logged in as root"
PROMPT = r"root@\w+:[^#]*# "

# What a kernel says when an interrupt, a clock or a CPU got lost. "WARNING! WARNING!" is a frame
# around advice: a 32-bit kernel with page-table isolation recommends one of 64 bits.
COMPLAINTS = re.compile(r"stall|BUG|lockup|\blost\b|hung|Oops|WARNING(?!!)|[Uu]nstable|Call Trace")

# While it boots, the kernel measures the TSC with reads of a timer that must take under 50,000
# cycles each. On a busy computer an emulated exit takes longer: docs/limits.md. Nothing is lost
# then; the chipset guest is the one that measures the timers.
UNMEASURED = "could not calculate TSC khz"
AFTERWARDS = re.compile(r"Unstable clock detected, switching default tracing clock|\"global\"")


def ini(cpus=2, name="linux", memory="256M", cmdline="", paging="auto"):
    """The description of one Linux machine."""
    return (f"[vm {name}]\ncpus = {cpus}\nmemory = {memory}\npaging = {paging}\n"
            "kernel = vmlinuz\ninitrd = initramfs\n"
            f"cmdline = console=ttyS0 hostname={name} {cmdline}\n")


INI = ini()


def login(qemu, timeout=80):
    """Wait for the login shell on the line. A machine that ended gives the line to Umbra's."""
    ended = qemu.serial.expect([LOGIN, r"\[shell: [^\]]*\]"], timeout=timeout)
    assert not ended, qemu.serial.match[0]
    qemu.serial.expect(PROMPT)


def run(qemu, command, timeout=30):
    """Run a command in the login shell; return (exit status, output)."""
    qemu.serial.send(f"{command}; echo \"[end $?]\"\r")
    qemu.serial.expect(r"\[end (\d+)\]\r", timeout=timeout)
    status = int(qemu.serial.match[1])
    text = machine.ANSI.sub("", qemu.serial.before).replace("\r", "")
    qemu.serial.expect(PROMPT)
    return status, text.split("\n", 1)[1] if "\n" in text else ""


def errors(qemu):
    """The kernel's lines of level error and above, without their times."""
    _, text = run(qemu, "dmesg -r")
    lines = re.findall(r"^<[0-3]>\[ *[\d.]+\] (.*)$", text, re.MULTILINE)
    assert "Linux version" in text
    return lines


def complaints(qemu):
    """The kernel's lines that speak of something lost or stuck."""
    _, text = run(qemu, "dmesg")
    assert "Linux version" in text
    said = [line for line in text.splitlines() if COMPLAINTS.search(line)]
    if any(UNMEASURED in line for line in said):
        said = [line for line in said if UNMEASURED not in line and not AFTERWARDS.search(line)]
    return said
