# SPDX-License-Identifier: BSD-2-Clause
"""The runs of the benchmark: the bench guest under Umbra, and Linux bare and under Umbra.

All on one CPU with -icount shift=0, where the time-stamp counter, and with it every clock, advances
by one nanosecond for each executed instruction, and skips idle time.
"""

import os
import re
import tempfile
import time

import iso
import machine

BUILD = machine.BUILD
LOGS = f"{BUILD}/results/bench"
MEMORY = 256  # MiB of each guest
BENCH_LINE = re.compile(r"^bench (\w+) min=(\d+) median=(\d+) mean=(\d+) n=(\d+)", re.MULTILINE)
START_LINE = re.compile(r"starts, (\d+) TSC ticks after the hypervisor did")
# Sets a variable to the nanoseconds since boot without starting a program.
CLOCK = ("now() { while read -r x y t z; do [ \"$x\" != now ] || break; done </proc/timer_list; "
         "eval $1=$t; }")
GUEST_PROMPT = r"root@bench:\S+# "


def clean(text):
    """Console output without escape sequences."""
    return machine.ANSI.sub("", text).replace("\r", "")


def boot(tmp, ini, files, limit, log):
    """An emulator with Umbra, an INI text and the files it names."""
    path = os.path.join(tmp, "machine.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(ini)
    image = os.path.join(tmp, "umbra.iso")
    iso.make_iso(image, f"{BUILD}/umbra", [("machine.ini", path), *files])
    return machine.Umbra(image, smp=1, limit=limit, log=f"{LOGS}/{log}.log", icount=True)


def bench_guest(vcpus):
    """Run tests/guests/bench.c. Return {operation: instructions}, ticks to its start, vm list."""
    ini = (f"[vm bench]\ncpus = {vcpus}\nmemory = {MEMORY}M\nkernel = bench\n"
           "cmdline = host=tcg\ndebug_exit = yes\n")
    with tempfile.TemporaryDirectory(prefix="umbra-bench") as tmp:
        files = [("bench", f"{BUILD}/guest/bench")]
        with boot(tmp, ini, files, 120, f"bench-{vcpus}") as qemu:
            qemu.serial.expect(r"done: \d+ ok, \d+ not ok, \d+ skip", timeout=100)
            text = clean(qemu.serial.before)
            qemu.shell(timeout=20)  # the end of the machine gives the line back to the shell
            row = qemu.json("vm list")[0]
    start = START_LINE.search(text)
    medians = {m[1]: int(m[3]) for m in BENCH_LINE.finditer(text)}
    return medians, int(start[1]) if start else None, row


def run_phases(serial, phases):
    """In Linux's shell: nanoseconds, thus instructions, of each phase; the first round warms up."""
    result = {}
    serial.sendline(CLOCK)
    for phase in phases:
        for _ in range(2):
            serial.sendline(f"now a; {phase.command}; now b; echo took $((b - a)) ns")
            serial.expect(r"took (\d+) ns", timeout=120)
            result[phase.name] = int(serial.match[1])
    return result


def linux_command_line():
    """What both Linux runs are started with."""
    return "console=ttyS0 hostname=bench mitigations=off"


def linux_umbra(phases):
    """The phases in Linux with one vCPU under Umbra, and the ticks to its start."""
    ini = (f"[vm linux]\ncpus = 1\nmemory = {MEMORY}M\nkernel = vmlinuz\ninitrd = initramfs\n"
           f'cmdline = "{linux_command_line()}"\n')
    files = [(n, f"{BUILD}/guest/linux/{n}") for n in ("vmlinuz", "initramfs")]
    with tempfile.TemporaryDirectory(prefix="umbra-bench") as tmp:
        with boot(tmp, ini, files, 400, "linux-umbra") as qemu:
            qemu.serial.expect(START_LINE, timeout=60)
            ticks = int(qemu.serial.match[1])
            qemu.serial.expect(GUEST_PROMPT, timeout=200)
            return run_phases(qemu.serial, phases), ticks


def linux_bare(phases):
    """The phases in Linux on the bare emulator."""
    folder = f"{BUILD}/guest/linux"
    args = ["-cpu", "max", "-smp", "1", "-m", f"{MEMORY}M", "-kernel", f"{folder}/vmlinuz",
            "-initrd", f"{folder}/initramfs", "-append", linux_command_line()]
    with machine.Qemu(args, limit=400, log=f"{LOGS}/linux-bare.log", icount=True) as qemu:
        qemu.serial.expect(GUEST_PROMPT, timeout=200)
        return run_phases(qemu.serial, phases)


def timed(what, job, *args):
    """job(*args), with a line of progress."""
    print(f"  RUN     {what}", end="", flush=True)
    start = time.monotonic()
    result = job(*args)
    print(f" ({time.monotonic() - start:.0f} s)", flush=True)
    return result
