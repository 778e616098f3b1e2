# SPDX-License-Identifier: BSD-2-Clause
"""make test: runs the tiers one after another and prints the totals over all of them.

A tier is a make target that writes build/results/TIER.xml. A tier that fails without naming a
failed test counts as one failure, so nothing that breaks can pass unseen.
"""

import os
import subprocess
import sys
import time

import report

BUILD = os.environ.get("BUILD", "build")
# Variables given to make reach the tiers as environment; the outer make's job server does not.
ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}


def run_tier(tier):
    """Run one tier; return its cases."""
    result = os.path.join(BUILD, "results", f"{tier}.xml")
    if os.path.exists(result):
        os.remove(result)
    print(f"\n=== {tier}", flush=True)
    start = time.monotonic()
    cmd = ["make", "--no-print-directory", "-j2", tier]
    status = subprocess.run(cmd, env=ENV, check=False).returncode
    seconds = time.monotonic() - start
    cases = report.read(result) if os.path.exists(result) else []
    if not cases or (status and not any(c.verdict == report.FAIL for c in cases)):
        why = f"make {tier}: exit status {status}, {len(cases)} results"
        cases.append(report.Case(tier, "the whole tier", report.FAIL, why))
    print(f"=== {tier}: {report.count(cases)} ({seconds:.0f} s)", flush=True)
    return cases


def main():
    """Run the tiers named on the command line; exit status 1 if any test failed."""
    everything = [c for tier in sys.argv[1:] for c in run_tier(tier)]
    print()
    for c in everything:
        if c.verdict != report.PASS:
            why = (c.detail.strip().splitlines() or ["no reason given"])[0]
            print(f"{c.verdict}: {c.suite}: {c.name}: {why}")
    print(report.count(everything))
    sys.exit(any(c.verdict == report.FAIL for c in everything))


if __name__ == "__main__":
    main()
