# SPDX-License-Identifier: BSD-2-Clause
"""make bench: what Umbra costs, in executed instructions, beside others on the same machine.

Prints a table and the goals, and writes the same to build/bench.json. A goal that is missed is
said so, and is no error.
"""

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import asdict

import pexpect

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, *(os.path.join(TOP, d) for d in ("tests/system", "boot/grub"))]
# pylint: disable=wrong-import-position
import figures
import machines
import paging
from goals import Goal, fraction, millions, print_goals


def image_kib():
    """KiB of text and data of the image, as `size` counts them."""
    out = subprocess.run(["size", f"{machines.BUILD}/umbra"], text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    text, data = out.splitlines()[1].split()[:2]
    return (int(text) + int(data)) / 1024


def operation_rows(medians, vmx):
    """The operations with Umbra's figures and the ratio."""
    rows = []
    for op in figures.OPERATIONS:
        mine = medians.get(op.name)
        ratio = mine / op.kvm if mine and op.kvm else None
        rows.append({"operation": op.name, "text": op.text, "umbra": mine, "kvm": op.kvm,
                     "ratio": ratio, "bitvisor": op.bitvisor, "floor": op.floor,
                     "in_mean": op.in_mean, "vmx": vmx.get(op.name), "no_fetch": op.no_fetch})
    return rows


def goals(result):
    """All goals, from what was measured."""
    ops = {r["operation"]: r for r in result["operations"]}
    ratios = [r["ratio"] for r in result["operations"] if r["in_mean"]]
    vmx = [r["vmx"] / r["umbra"] for r in result["operations"]
           if r["no_fetch"] and r["vmx"] and r["umbra"]]
    complete = all(ratios)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios)) if complete else None
    worst = max(ratios) if complete else None
    cpuid, hypercall = ops["cpuid"]["umbra"], ops["hypercall"]["umbra"]
    found = [
        Goal("geometric mean of Umbra/KVM at most 1/6", mean, figures.MEAN_GOAL, fraction(mean)),
        Goal("  and aim for 1/8", mean, figures.MEAN_AIM, fraction(mean)),
        Goal("no ratio above 1/4", worst, figures.WORST_GOAL, fraction(worst)),
        Goal("CPUID below BitVisor's 355", cpuid, figures.CPUID_GOAL - 1, str(cpuid)),
        Goal("hypercall at most 200", hypercall, figures.HYPERCALL_GOAL, str(hypercall)),
        Goal("VMX without a fetch at most 1.5 of SVM", max(vmx, default=None), figures.VMX_GOAL,
             fraction(max(vmx, default=None))),
        Goal("CPUID at most 200 on VMX", ops["cpuid"]["vmx"], figures.VMX_CPUID_GOAL,
             str(ops["cpuid"]["vmx"])),
        Goal("image text+data at most 400 KiB", result["image_kib"], figures.IMAGE_GOAL,
             f"{result['image_kib']:.0f} KiB"),
    ]
    for guest, ticks in result["boot"].items():
        found.append(Goal(f"boot until {guest} of {machines.MEMORY} MiB runs at most 100 M", ticks,
                          figures.BOOT_GOAL, millions(ticks)))
    for vm in result["overhead"]:
        found.append(Goal(f"overhead of a VM of {machines.MEMORY} MiB, {vm['vcpus']} vCPU",
                          vm["kib"], vm["goal_kib"],
                          f"{vm['kib']} KiB of {vm['goal_kib']:.0f}"))
    return found


def cell(value, fmt="{:>9}"):
    """A figure, or a dash."""
    return fmt.format("-" if value is None else value)


def print_table(result):
    """The tables for people."""
    print("\nInstructions per round trip, seen from the guest (median):\n")
    print(f"{'':<30}{'Umbra':>9}{'KVM':>9}{'ratio':>9}{'BitVisor':>10}{'floor':>9}{'VMX':>9}")
    for r in result["operations"]:
        print(f"{r['text']:<30}{cell(r['umbra'])}{cell(r['kvm'])}"
              f"{'-' if not r['ratio'] else fraction(r['ratio']):>9}"
              f"{cell(r['bitvisor'], '{:>10}')}{cell(r['floor'])}{cell(r['vmx'])}"
              f"{'' if r['in_mean'] else '   not in the mean'}")
    print("\nShadow paging on the simulated machine: "
          f"{result['shadow']['instructions_per_fault']:.0f} instructions per warm fault; "
          f"the first of a process reads {result['shadow']['reads_of_first_fault']:.0f} entries")


def shadow_run(*prefix, faults=None):
    """Output of the program that counts events of shadow paging on the simulated machine."""
    program = [*prefix, f"{machines.BUILD}/bench/shadow", *([str(faults)] if faults else [])]
    done = subprocess.run(program, text=True, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.stdout


def shadow_events():
    """Counts of events, and the instructions of one warm fault."""
    counts = {name: float(value) for name, value in map(str.split, shadow_run().splitlines())}
    faults = 10000
    out = shadow_run("valgrind", "--tool=callgrind", "--collect-atstart=no",
                     "--toggle-collect=mmu_shadow_fault",
                     f"--callgrind-out-file={machines.BUILD}/callgrind.shadow", faults=faults)
    counts["instructions_per_fault"] = int(re.search(r"Collected : (\d+)", out)[1]) / faults
    return counts


def shadow_goals(counts):
    """Goals on the simulated machine."""
    found = []
    for name, text in (("lm4_roots_built", "16 address spaces in turn, 4 levels: roots built"),
                       ("pae_roots_built", "  and with PAE"),
                       ("wp_pages_made", "10^5 toggles of CR0.WP: shadow pages made")):
        found.append(Goal(f"{text}, after the first round", counts[name], 0,
                          f"{counts[name]:.0f}"))
    found.append(Goal("guest entries read for a warm fault at most levels + 1",
                      counts["reads_per_fault"], 5, f"{counts['reads_per_fault']:.2f}"))
    return found


def measure(with_linux):
    """Do all runs."""
    one, boot, vm1 = machines.timed("round trips, 1 vCPU", machines.program_umbra, "bench")
    vmx = machines.timed("round trips, VMX on Bochs", machines.program_vmx, "bench")
    two, _, vm2 = machines.timed("round trips, 2 vCPUs", machines.program_umbra, "bench", 2)
    result = {
        "operations": operation_rows({**one, "ipi": two.get("ipi")}, vmx),
        "image_kib": image_kib(),
        "overhead": [{"vcpus": n, "kib": vm["overhead_kib"],
                      "goal_kib": figures.overhead_goal(machines.MEMORY * 1024, n)}
                     for n, vm in ((1, vm1), (2, vm2))],
        "paging": paging.measure(with_linux),
        "shadow": machines.timed("shadow paging, simulated", shadow_events),
    }
    result["boot"] = {"bench guest": boot, **result["paging"]["boot"]}
    return result


def main():
    """Measure, print, write."""
    try:
        result = measure("--no-linux" not in sys.argv[1:])
    except (machines.machine.EmulatorError, pexpect.TIMEOUT, pexpect.EOF) as e:
        sys.exit(f"\nbench: {type(e).__name__}: the run stopped; its output is in {machines.LOGS}")
    print_table(result)
    paging.print_tables(result["paging"])
    if "--counters" in sys.argv[1:]:
        paging.print_counters(result["paging"])
    found = goals(result) + shadow_goals(result["shadow"]) + paging.goals(result["paging"])
    print_goals(found)
    result["goals"] = [{**asdict(g), "met": g.met} for g in found]
    out = f"{machines.BUILD}/bench.json"
    with open(out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    print(f"\nwritten to {out}")


if __name__ == "__main__":
    main()
