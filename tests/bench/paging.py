# SPDX-License-Identifier: BSD-2-Clause
"""What paging costs: operations on page tables and Linux at work, bare, nested and shadowed."""

import figures
import machines
from goals import Goal, fraction

PAGINGS = ("npt", "shadow")


def measure(with_linux):
    """All runs: {"operations": rows, "phases": rows, "boot": {guest: ticks}}."""
    bare = machines.timed("paging operations, bare", machines.program_bare, "bench_paging")
    umbra = {p: machines.timed(f"paging operations, {p}", machines.program_umbra, "bench_paging",
                               1, p)[0] for p in PAGINGS}
    result = {"operations": [operation_row(op, bare, umbra) for op in figures.PAGING_OPERATIONS],
              "phases": [], "boot": {}}
    if with_linux:
        phases = figures.PHASES
        bare = machines.timed("Linux, bare", machines.linux_bare, phases)
        umbra = {}
        for p in PAGINGS:
            umbra[p], result["boot"][f"Linux, {p}"] = machines.timed(
                f"Linux, {p}", machines.linux_umbra, phases, p)
        result["phases"] = [phase_row(phase, bare[phase.name],
                                      {p: umbra[p][phase.name] for p in PAGINGS})
                            for phase in phases]
    return result


def operation_row(op, bare, umbra):
    """Instructions of one operation."""
    limit = op.goal or figures.PAGING_GOAL * op.kvm
    return {"operation": op.name, "text": op.text, "bare": bare.get(op.name),
            **{p: umbra[p].get(op.name) for p in PAGINGS}, "kvm": op.kvm,
            "bitvisor": op.bitvisor, "limit": limit}


def phase_row(phase, bare, umbra):
    """One phase, million instructions; all of the first round but what says second."""
    row = {"phase": phase.name, "bare": bare.first / 1e6, "kvm": phase.kvm,
           "kvm_ratio": phase.kvm / phase.native, "bitvisor_ratio": phase.bitvisor / phase.native,
           "kvm_exits": phase.kvm_exits}
    for p, run in umbra.items():
        row[p] = {"first": run.first / 1e6, "ratio": run.first / bare.first,
                  "second_ratio": run.second / bare.second,
                  "added_share": (run.first - bare.first) / 1e6 / phase.kvm_added,
                  "exits": sum(run.exits.values()), "exits_by_reason": run.exits, "mmu": run.mmu}
    return row


def goals(result):
    """What was asked for, and whether it is met."""
    found = []
    for r in result["phases"]:
        npt, shadow, name = r["npt"], r["shadow"], r["phase"]
        share, exits = shadow["added_share"], shadow["exits"] / r["kvm_exits"]
        found += [
            Goal(f"{name}, nested: at most 1.01 of bare", npt["ratio"], figures.NESTED_GOAL,
                 f"{npt['ratio']:.4f}"),
            Goal(f"{name}, shadow: added to bare at most 1/6 of what KVM adds", share,
                 figures.ADDED_GOAL, f"{fraction(share)}, {shadow['ratio']:.2f} of bare"),
            Goal("  and aim for 1/10", share, figures.ADDED_AIM, fraction(share)),
            Goal(f"{name}, shadow: exits at most 0.7 of KVM's", exits, figures.EXITS_GOAL,
                 f"{exits:.2f}"),
            Goal("  and aim for 0.5", exits, figures.EXITS_AIM, f"{exits:.2f}"),
        ]
    for r in result["operations"]:
        found.append(Goal(f"{r['text']}, shadow: at most {r['limit']:.0f}", r["shadow"], r["limit"],
                          str(r["shadow"])))
    return found


def print_tables(result):
    """For people."""
    print("\nOperations on page tables, instructions in a loop (median):\n")
    print(f"{'':<32}{'bare':>7}{'nested':>8}{'shadow':>8}{'KVM npt=0':>11}{'ratio':>9}"
          f"{'BitVisor':>10}{'goal':>8}")
    for r in result["operations"]:
        ratio = fraction(r["shadow"] / r["kvm"]) if r["shadow"] else "-"
        print(f"{r['text']:<32}{show(r['bare']):>7}{show(r['npt']):>8}{show(r['shadow']):>8}"
              f"{r['kvm']:>11}{ratio:>9}{r['bitvisor']:>10}{r['limit']:>8.0f}")
    if not result["phases"]:
        return
    print("\nLinux with one CPU, million instructions, and relative to the bare machine:\n")
    print(f"{'':<28}{'bare':>8}{'nested':>8}{'':>8}{'shadow':>8}{'':>7}{'2nd time':>9}"
          f"{'KVM npt=0':>11}{'BitVisor':>10}{'exits':>8}{'KVM':>8}")
    for r in result["phases"]:
        npt, shadow = r["npt"], r["shadow"]
        print(f"{r['phase']:<28}{r['bare']:>8.1f}{npt['first']:>8.1f}{npt['ratio']:>8.4f}"
              f"{shadow['first']:>8.1f}{shadow['ratio']:>7.2f}{shadow['second_ratio']:>9.2f}"
              f"{r['kvm_ratio']:>11.2f}{r['bitvisor_ratio']:>10.2f}"
              f"{shadow['exits']:>8}{r['kvm_exits']:>8}")


def print_counters(result):
    """What Umbra counted in each phase, one column a phase."""
    for p in PAGINGS:
        for what, title in (("exits_by_reason", "Exits"), ("mmu", "Events of the MMU")):
            rows = [r[p][what] for r in result["phases"]]
            print(f"\n{title}, {p}:\n")
            print(f"{'':<16}" + "".join(f"{r['phase'][:20]:>22}" for r in result["phases"]))
            for name in dict.fromkeys(n for row in rows for n in row):
                print(f"{name:<16}" + "".join(f"{row.get(name, 0):>22}" for row in rows))


def show(value):
    """A figure, or a dash."""
    return "-" if value is None else str(value)
