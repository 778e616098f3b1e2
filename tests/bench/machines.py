# SPDX-License-Identifier: BSD-2-Clause
"""The runs of the benchmark: bare-metal programs and Linux, bare and under Umbra.

All on one CPU with -icount shift=0, where the time-stamp counter, and with it every clock, advances
by one nanosecond for each executed instruction, and skips idle time. On Bochs the counter always
does that.
"""

import os
import re
import tempfile
import time
from dataclasses import dataclass, field

import iso
import machine
import matrix

BUILD = machine.BUILD
LOGS = f"{BUILD}/results/bench"
MEMORY = 256  # MiB of each guest
BENCH_LINE = re.compile(r"^bench (\w+) min=(\d+) median=(\d+) mean=(\d+) n=(\d+)", re.MULTILINE)
PROGRAM_END = r"done: \d+ ok, \d+ not ok, \d+ skip"
START_LINE = re.compile(r"starts, (\d+) TSC ticks after the hypervisor did")
# Sets a variable to the nanoseconds since boot without starting a program.
CLOCK = ("now() { while read -r x y t z; do [ \"$x\" != now ] || break; done </proc/timer_list; "
         "eval $1=$t; }")
AMOUNTS = ("pages", "quota", "shadows")  # rows of mmu stat that count no events
GUEST_PROMPT = r"root@bench:\S+# "


def clean(text):
    """Console output without escape sequences."""
    return machine.ANSI.sub("", text).replace("\r", "")


def make_image(tmp, ini, files):
    """An ISO with Umbra, an INI text and the files it names."""
    path = os.path.join(tmp, "machine.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(ini)
    image = os.path.join(tmp, "umbra.iso")
    iso.make_iso(image, f"{BUILD}/umbra", [("machine.ini", path), *files])
    return image


def boot(tmp, ini, files, limit, log):
    """An emulator that boots such an ISO."""
    return machine.Umbra(make_image(tmp, ini, files), smp=1, limit=limit, log=f"{LOGS}/{log}.log",
                         icount=True)


def medians(text):
    """{operation: instructions} from what a program of tests/guests printed."""
    return {m[1]: int(m[3]) for m in BENCH_LINE.finditer(text)}


def program_bare(program):
    """Run a program of tests/guests on the bare emulator; {operation: instructions}."""
    args = [*machine.DEBUG_EXIT, "-cpu", "max", "-smp", "1", "-m", f"{MEMORY}M",
            "-kernel", f"{BUILD}/guest/{program}"]
    with machine.Qemu(args, limit=120, log=f"{LOGS}/{program}-bare.log", icount=True) as qemu:
        qemu.serial.expect(PROGRAM_END, timeout=100)
        return medians(clean(qemu.serial.before))


def program_umbra(program, vcpus=1, paging="auto"):
    """Run it under Umbra. Return {operation: instructions}, ticks to its start, vm list."""
    ini = (f"[vm bench]\ncpus = {vcpus}\nmemory = {MEMORY}M\npaging = {paging}\n"
           f"kernel = {program}\ncmdline = host=tcg\ndebug_exit = yes\n")
    with tempfile.TemporaryDirectory(prefix="umbra-bench") as tmp:
        files = [(program, f"{BUILD}/guest/{program}")]
        with boot(tmp, ini, files, 120, f"{program}-{paging}-{vcpus}") as qemu:
            qemu.serial.expect(PROGRAM_END, timeout=100)
            text = clean(qemu.serial.before)
            qemu.shell(timeout=20)  # the end of the machine gives the line back to the shell
            row = qemu.json("vm list")[0]
    start = START_LINE.search(text)
    return medians(text), int(start[1]) if start else None, row


def program_vmx(program):
    """Run it under Umbra with VMX, on Bochs. Return {operation: instructions}."""
    host = matrix.MACHINES["bochs-vmx"]
    ini = (f"[vm bench]\ncpus = 1\nmemory = {MEMORY}M\nkernel = {program}\n"
           f"cmdline = host=bochs\ndebug_exit = yes\n")
    with tempfile.TemporaryDirectory(prefix="umbra-bench") as tmp:
        image = make_image(tmp, ini, [(program, f"{BUILD}/guest/{program}")])
        with host.umbra(image, smp=1, limit=200, log=f"{LOGS}/{program}-vmx.log") as bochs:
            bochs.serial.expect(PROGRAM_END, timeout=180)
            return medians(clean(bochs.serial.before))


@dataclass
class PhaseRun:
    """What a phase took: nanoseconds, thus instructions, and what Umbra counted meanwhile."""

    first: int = 0   # round of the phase
    second: int = 0
    exits: dict = field(default_factory=dict)  # of the first round, by reason
    mmu: dict = field(default_factory=dict)


def prepare(serial, phases):
    """Wait for Linux's shell and teach it the phases, so that little is typed when it counts."""
    serial.expect(GUEST_PROMPT, timeout=200)
    for line in (CLOCK, *(f"p{i}() {{ {p.command}; }}" for i, p in enumerate(phases)),
                 'm() { now a; "$1"; now b; echo "$2 took $((b - a)) ns"; }'):
        serial.sendline(line)
        serial.expect(GUEST_PROMPT)


def phase_round(serial, i, nr):
    """In Linux's shell: instructions of phase i. nr: another one each time, because a console that
    comes back shows old lines again."""
    serial.sendline(f"m p{i} {nr}")
    serial.expect(rf"{nr} took (\d+) ns", timeout=240)
    return int(serial.match[1])


def counters(qemu):
    """
    What Umbra has counted so far: exits by reason, events of the MMU. Linux has the line. It is
    stopped at once: under -icount it would idle through hours here.
    """
    qemu.serial.send(machine.ESCAPE + "vm pause linux\r")
    qemu.serial.expect(r"\[shell[^\n]*\n", timeout=20)
    qemu.shell(timeout=20)
    exits = {r["exit"]: r["count"] for r in qemu.json("vcpu exits linux.0") if "exit" in r}
    mmu = {r["counter"]: r["count"] for r in qemu.json("mmu stat linux")
           if r["counter"] not in AMOUNTS}
    qemu.run("vm resume linux")
    qemu.console("linux")
    return exits, mmu


def since(then, now):
    """The counters that moved."""
    return {name: n - then.get(name, 0) for name, n in now.items() if n != then.get(name, 0)}


def linux_command_line():
    """What all Linux runs are started with. counters() stops the machine for a while, of which its
    watchdogs must not complain in the middle of a phase."""
    return ("console=ttyS0 hostname=bench mitigations=off nowatchdog "
            "rcupdate.rcu_cpu_stall_suppress=1")


def linux_umbra(phases, paging):
    """The phases in Linux under Umbra, one vCPU: {name: PhaseRun}, and the ticks to its start."""
    ini = (f"[vm linux]\ncpus = 1\nmemory = {MEMORY}M\npaging = {paging}\n"
           f'kernel = vmlinuz\ninitrd = initramfs\ncmdline = "{linux_command_line()}"\n')
    files = [(n, f"{BUILD}/guest/linux/{n}") for n in ("vmlinuz", "initramfs")]
    with tempfile.TemporaryDirectory(prefix="umbra-bench") as tmp:
        with boot(tmp, ini, files, 400, f"linux-{paging}") as qemu:
            qemu.serial.expect(START_LINE, timeout=60)
            ticks = int(qemu.serial.match[1])
            prepare(qemu.serial, phases)
            runs = {p.name: PhaseRun() for p in phases}
            for i, run in enumerate(runs.values()):
                before = counters(qemu)
                run.first = phase_round(qemu.serial, i, f"first-{i}")
                run.exits, run.mmu = map(since, before, counters(qemu))
            for i, run in enumerate(runs.values()):
                run.second = phase_round(qemu.serial, i, f"second-{i}")
            return runs, ticks


def linux_bare(phases):
    """The phases in Linux on the bare emulator, {name: PhaseRun}."""
    folder = f"{BUILD}/guest/linux"
    args = ["-cpu", "max", "-smp", "1", "-m", f"{MEMORY}M", "-kernel", f"{folder}/vmlinuz",
            "-initrd", f"{folder}/initramfs", "-append", linux_command_line()]
    with machine.Qemu(args, limit=400, log=f"{LOGS}/linux-bare.log", icount=True) as qemu:
        prepare(qemu.serial, phases)
        first, second = ([phase_round(qemu.serial, i, f"{name}-{i}") for i in range(len(phases))]
                         for name in ("first", "second"))
        return {p.name: PhaseRun(*times) for p, *times in zip(phases, first, second)}


def timed(what, job, *args):
    """job(*args), with a line of progress."""
    print(f"  RUN     {what}", end="", flush=True)
    start = time.monotonic()
    result = job(*args)
    print(f" ({time.monotonic() - start:.0f} s)", flush=True)
    return result
