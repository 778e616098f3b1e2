# SPDX-License-Identifier: BSD-2-Clause
"""Runs the bare-metal test programs: each first on a bare emulator, which proves the program, then
under Umbra, once for each kind of paging. Every verdict line of a program is one test, and under
Umbra so is the audit of its MMU, when it has ended, for a machine that is off keeps its tables, and
every other second while it runs if it is about page tables. Two emulators run at a time.

	run.py --out RESULTS.xml [NAME...]	all programs, or those named
	    --machine bochs-svm			a machine of tests/system/matrix.py
	    --where bare, --where umbra		only half of it
	    --paging nested, --paging shadow	one kind of paging
	    --long				rows for make test-all, not those for make test
	    --every				both
	    --keep FILE				what FILE has from before is not run again
"""

import argparse
import os
import re
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import pexpect

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
for folder in ("tests", "tests/system", "boot/grub"):
    sys.path.insert(0, os.path.join(TOP, folder))
import bochs  # noqa: E402
import iso  # noqa: E402
import kept  # noqa: E402
import machine  # noqa: E402
import matrix  # noqa: E402
import report  # noqa: E402

BUILD = machine.BUILD
END = r"done: \d+ ok, \d+ not ok, \d+ skip|not ok program: [^\n]*\n|boot: vm t: [^\n]*\n" \
      r"|panic: [^\n]*\n"
STATES = ("running", "off", "dead", "paused")
START = r"\[console of t;[^\n]*\n|(?=boot: vm t: )"
FIRST, PERIOD = 0.3, 2  # seconds to the first audit, and to the next one
DONE = re.compile(r"done: (\d+) ok, (\d+) not ok, (\d+) skip")
VERDICT = re.compile(r"^(ok|not ok|skip) ([\w.]+)(?:: (.*))?$", re.MULTILINE)


@dataclass
class Run:
    """One program on one kind of machine."""

    guest: str
    cpus: int = 1        # of the guest, and of the bare machine
    host_cpus: int = 1   # under Umbra
    memory: str = "64M"
    args: str = ""       # command line
    file: str = ""       # if not of the program's name
    boot: str = "kernel" # of the bare machine: kernel: QEMU's loader; grub; disk: boot sector
    limit: int = 60      # seconds
    paging: tuple = matrix.PAGINGS # kinds that it makes sense with
    options: str = ""    # of Umbra
    long: bool = False   # for make test-all

    def __str__(self):
        return f"{self.guest}-{self.cpus}on{self.host_cpus}{'-' if self.args else ''}" \
               f"{self.args.replace(' ', '-')}"

    def is_long(self, host):
        """Only make test-all has the time for it there."""
        chosen = CHOSEN.get(host.name, self.guest).split()
        return self.long or (self.guest not in chosen and str(self) not in chosen)

    def path(self):
        """The file of the program."""
        return f"{BUILD}/guest/{self.file or self.guest}"

    def about_tables(self):
        """It is worth an audit while it runs. Those that measure time would notice."""
        return self.guest.startswith("pg_") or self.guest == "access"


# Ways to end of tests/guests/hostile_ends.c.
ENDS = ("fetch_device fetch_nothing stack_in_device stack_in_nothing idt_in_device gdt_in_device "
        "page_tables_in_device page_tables_in_nothing table_entry_in_device triple_fault_loop "
        "storm spin").split()

# Modes of paging of tests/guests/access.c.
MODES = "two_level pse pae four_level five_level".split()
# Programs of tests/guests/paging/ for one CPU.
PG = "tlb tree write event fork".split()


RUNS = [
    Run("hello"),
    Run("cpuid"),
    Run("msr"),
    Run("lapic"),
    Run("traps"),
    Run("debug"),
    Run("mmio"),
    Run("hlt"),
    Run("xsave", cpus=2),
    Run("modes"),
    Run("real"),
    Run("task"),
    Run("chipset"),
    *(Run(f"pg_{name}{bits}") for name in PG for bits in (64, 32)),
    Run("reset"),
    Run("poweroff"),
    Run("flat", boot="disk"),
    Run("mb2", file="mb2.elf", boot="grub"),
    Run("hostile_svm"),
    Run("hostile_io", limit=240),
    Run("hostile_code"),
    Run("smp", cpus=2, host_cpus=1),
    Run("smp", cpus=2, host_cpus=2),
    Run("smp", cpus=4, host_cpus=2),
    Run("unpaged", cpus=2, host_cpus=2),
    *(Run(f"pg_fork{bits}", cpus=2, host_cpus=2, limit=90) for bits in (64, 32)),
    *(Run(f"pg_smp{bits}", cpus=2, host_cpus=2, limit=120) for bits in (64, 32)),
    # few pages for tables: what is in use is dropped and made again
    Run("pg_smp64", cpus=2, host_cpus=2, args="four_level n=8000", options="pool=120", limit=120),
    Run("pg_smp64", cpus=2, host_cpus=2, args="four_level n=1000000", options="pool=120",
        limit=3600, long=True),
    Run("pg_smp64", cpus=4, host_cpus=2, args="four_level", limit=120),
    Run("pg_smp32", cpus=4, host_cpus=2, args="pae", limit=120),
    *(Run("hostile_ends", args=way) for way in ENDS),
    *(Run("access", args=mode, limit=600) for mode in MODES),
    *(Run("access", args=f"{mode} full", limit=1800, long=True) for mode in MODES),
]


# What make test runs on machines with little time, by program or row; on others it runs all but
# what is long.
CHOSEN = {
    "bochs-svm": "hello cpuid msr lapic traps debug mmio hlt xsave modes chipset mb2 pg_tlb64 "
                 "pg_tlb32 pg_tree64 pg_write64 pg_event64 pg_smp64-2on2",
    "bochs-svm-turion": "hello lapic",
    "bochs-svm-phenom": "hello",
    # the one machine with PCIDs and INVPCID
    "bochs-vmx": "hello msr traps debug mmio hlt xsave modes real chipset task pg_tlb32 pg_tlb64 "
                 "access-1on1-two_level unpaged",
    "bochs-vmx-haswell": "hello mmio",  # with the mitigations that its model needs
    "bochs-vmx-ivy": "hello",
    "bochs-vmx-lynnfield": "hello real",
    "bochs-vmx-penryn": "hello",
    "bochs-vmx-restricted": "modes flat real",
    "bochs-vmx-plain": "real",
}


def bare_qemu(run, host, log, tmp):
    """QEMU with the program on it, by the loader that the program is for."""
    if run.boot == "grub":
        iso.make_iso(f"{tmp}/bare.iso", run.path(), [], run.args)
        boot = ["-cdrom", f"{tmp}/bare.iso"]
    elif run.boot == "disk":
        boot = ["-drive", f"file={run.path()},format=raw,snapshot=on"]
    else:
        boot = ["-kernel", run.path(), "-append", run.args]
    return machine.Qemu(["-cpu", host.cpu, "-smp", str(run.cpus), "-m", run.memory,
                         *machine.DEBUG_EXIT, *boot], limit=run.limit, log=log,
                        parallel=True)


def bare_bochs(run, host, log, tmp):
    """Bochs with the program on it. Nothing but its command line tells it where it is."""
    image = run.path()
    if run.boot != "disk":
        image = f"{tmp}/bare.iso"
        iso.make_iso(image, run.path(), [], f"{run.guest} host=bochs cpus={run.cpus} {run.args}",
                     "multiboot2" if run.boot == "grub" else "multiboot")
    return bochs.Bochs(image, cpu=host.cpu, smp=run.cpus, mem=run.memory, log=log,
                       limit=run.limit, disk=run.boot == "disk")


def boot_bare(run, host, log, tmp):
    """The emulator with the program on it."""
    return (bare_bochs if host.emulator == "bochs" else bare_qemu)(run, host, log, tmp)


def boot_umbra(run, host, paging, log, tmp):
    """The emulator with Umbra, and the program as its one machine."""
    ini = os.path.join(tmp, "machine.ini")
    below = "tcg" if host.emulator == "qemu" else f"bochs-{host.backend}"
    with open(ini, "w", encoding="utf-8") as f:
        f.write(f"[vm t]\ncpus = {run.cpus}\nmemory = {run.memory}\nkernel = {run.guest}\n"
                f"paging = {host.word(paging)}\n"
                f"cmdline = host={below} paging={paging} {host.options} {run.args}\n"
                "debug_exit = yes\n")
    path = os.path.join(tmp, "umbra.iso")
    iso.make_iso(path, f"{BUILD}/umbra",
                 [("machine.ini", ini), (run.guest, run.path())], f"{host.options} {run.options}")
    return host.umbra(path, smp=run.host_cpus, limit=run.limit + 10, log=log,
                      parallel=True)


def case(suite, name, bad):
    """A test of ours: bad is what is wrong, if anything is."""
    return report.Case(suite, name, report.FAIL if bad else report.PASS, bad)


def audit(qemu):
    """What is wrong with the machine's MMU."""
    total, *errors = qemu.json("mmu audit t", timeout=60)
    return f"{total['errors']} errors: {errors[:3]}" if total["errors"] else ""


def broken_rules(qemu):
    """The rules for entering a guest that its virtual CPUs break, which their kill would say."""
    vm = next(r for r in qemu.json("vm list") if r["name"] == "t")
    if vm["state"] == "dead":
        return ""
    bad = [r for n in range(vm["vcpus"]) for r in qemu.json(f"vcpu check t.{n}") if "rule" in r]
    return str(bad[:3]) if bad else ""


def look_in(qemu):
    """Audit the MMU while the program works; return what is wrong, and whether it works on."""
    qemu.to_shell()
    bad, state = audit(qemu), qemu.vm_state("t")
    qemu.console("t")
    if state != "running":
        qemu.quiet()  # its last words
    return bad, state == "running"


def wait(qemu, limit, looks):
    """Read the program's output to its end; looks, if any, gets what audits said meanwhile."""
    end, runs = time.monotonic() + limit, True
    if looks is not None:
        qemu.serial.expect(START, timeout=limit)
    while runs:
        left = end - time.monotonic()
        period = left if looks is None else min(left, PERIOD if looks else FIRST)
        try:
            qemu.serial.expect(END, timeout=period)
            return
        except pexpect.TIMEOUT:
            if period == left:
                raise
        bad, runs = look_in(qemu)
        looks.append(bad)


def verdicts(text, suite):
    """The cases that the program told of; that it told of all of them is one more if it did not."""
    kinds = {"ok": report.PASS, "not ok": report.FAIL, "skip": report.SKIP}
    done = DONE.search(text)
    # What a program does when it is done may be its end by an exception.
    cases = [report.Case(suite, name, kinds[v], detail)
             for v, name, detail in VERDICT.findall(text[:done.end() if done else None])]
    told = [sum(c.verdict == v for c in cases) for v in kinds.values()]
    if not done:
        why = f"no end of the program; last output: {text[-300:]!r}"
    elif any(int(n) > lines for n, lines in zip(done.groups(), told)):
        why = f"{done[0]!r}, but there are lines for {report.count(cases)}"
    else:
        return cases
    return cases + [case(suite, "whole program", why)]


def follow(qemu, run, limit, suite, umbra):
    """Read the program's output to its end; return the cases."""
    looks, why = [], ""
    try:
        wait(qemu, limit, looks if umbra and run.about_tables() else None)
    except (pexpect.TIMEOUT, pexpect.EOF, machine.hvsh.ShellError) as e:
        why = f"{type(e).__name__}; last output: {qemu.log.plain()[-300:]!r}"
    cases = verdicts(qemu.guest_text() if umbra else qemu.log.plain(), suite)
    if looks:
        bad = next(filter(None, looks), "")
        cases.append(case(suite, "the audit is clean while it runs", bad))
    if why:
        cases.append(case(suite, "whole program", why))
    elif umbra:
        cases += look_after(qemu, suite)
    return cases


def look_after(qemu, suite):
    """Whatever the guest did, the shell still answers, and the tables it left are right."""
    try:
        qemu.to_shell()
        state = qemu.vm_state("t")
        lives = "" if state in STATES else f"the machine is {state}"
        return [case(suite, "the shell lives on", lives),
                case(suite, "the audit is clean", audit(qemu)),
                case(suite, "the guest could be entered", broken_rules(qemu))]
    except (pexpect.TIMEOUT, pexpect.EOF, KeyError, machine.hvsh.ShellError) as e:
        return [case(suite, "the shell lives on", f"{e} after {qemu.serial.before!r}")]


def do(run, host, where):
    """One program at one place; return what to print and the cases."""
    suite = f"{host} {where}: {run}" # where is "bare" or a kind of paging
    log = f"{BUILD}/results/guests/{host}-{where}-{run}.log"
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="umbra-guest") as tmp:
        try:
            bare = where == "bare"
            boot = boot_bare(run, host, log, tmp) if bare \
                else boot_umbra(run, host, where, log, tmp)
            with boot as emulator:
                start = time.monotonic() # it may have had to wait for its turn
                cases = follow(emulator, run, run.limit, suite, not bare)
        except (machine.EmulatorError, OSError) as e:
            cases = [report.Case(suite, "whole program", report.FAIL, str(e))]
    return suite, cases, time.monotonic() - start


def do_once(job, results):
    """do(), unless there is a result of before for the same program and row."""
    run, host, where = job
    suite = f"{host} {where}: {run}"
    why = matrix.erratum(host, where, run.guest, str(run))
    if why:
        return suite, [report.Case(suite, "whole program", report.SKIP, why)], 0
    name = f"{suite} {kept.digest(run.path(), repr(run), repr(host))}"
    old = results.get(name)
    if old is not None:
        return suite, [report.Case(**c) for c in old], 0
    suite, cases, seconds = do(*job)
    if all(c.verdict != report.FAIL for c in cases):
        results.put(name, [asdict(c) for c in cases])
    return suite, cases, seconds


def places(run, host, args):
    """Where to run a program on a machine: bare, and under Umbra with some kinds of paging."""
    if "bare" in args.where:
        yield "bare"
    if "umbra" in args.where:
        yield from (p for p in host.pagings if p in run.paging and p in args.paging)


def jobs(args):
    """The (run, machine, place) to do. A bare machine has no CPUs of a host below."""
    seen = set()
    for host in (matrix.MACHINES[name] for name in args.machine):
        for run in RUNS:
            if args.names and run.guest not in args.names:
                continue
            if not args.every and run.is_long(host) != args.long:
                continue
            if run.long and host.emulator == "bochs":
                continue # that would take hours
            for place in places(run, host, args):
                key = (host, place, run.guest, run.cpus, run.args,
                       place != "bare" and run.host_cpus)
                if key not in seen:
                    seen.add(key)
                    yield run, host, place


def main():
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("--out", required=True, help="JUnit file to write")
    ap.add_argument("--machine", choices=matrix.MACHINES, action="append")
    ap.add_argument("--where", choices=("bare", "umbra"), action="append")
    ap.add_argument("--paging", choices=matrix.PAGINGS, action="append")
    ap.add_argument("--long", action="store_true")
    ap.add_argument("--every", action="store_true")
    ap.add_argument("--keep")
    ap.add_argument("names", nargs="*")
    args = ap.parse_args()
    args.machine = args.machine or list(matrix.MACHINES)
    args.where = args.where or ["bare", "umbra"]
    args.paging = args.paging or matrix.PAGINGS
    signal.signal(signal.SIGINT, machine.end_with_us)  # else workers go on to the end of their rows
    todo = jobs(args)
    everything = []
    results = kept.Kept(args.keep, f"{BUILD}/umbra")
    with ThreadPoolExecutor(max_workers=2) as pool:
        for suite, cases, seconds in pool.map(lambda j: do_once(j, results), todo):
            bad = [c for c in cases if c.verdict == report.FAIL]
            print(f"{'FAIL' if bad else 'pass'}  {suite}: {report.count(cases)} ({seconds:.1f} s)",
                  flush=True)
            for c in bad:
                print(f"      {c.name}: {c.detail}", flush=True)
            everything += cases
    report.write(args.out, everything)
    sys.exit(any(c.verdict == report.FAIL for c in everything))


if __name__ == "__main__":
    main()
