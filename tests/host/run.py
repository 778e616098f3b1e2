# SPDX-License-Identifier: BSD-2-Clause
"""Runs test programs of this machine, two at a time, and prints one verdict line for each.

A program prints TAP (cmocka does, when asked) and exits with a status; a program that prints no TAP
is one test, whose verdict is the status.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import report  # noqa: E402

TAP = re.compile(r"^(not )?ok \d+(?: -)?\s*(# SKIP)?\s*(.*)$", re.MULTILINE)
ENV = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", UBSAN_OPTIONS="print_stacktrace=1",
           ASAN_OPTIONS="detect_stack_use_after_return=1")


def run(path, limit):
    """Run one program; return its name, its cases, its output and the seconds it took."""
    name = os.path.basename(path)
    start = time.monotonic()
    try:
        p = subprocess.run([path], env=ENV, timeout=limit, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
        out, status = p.stdout.decode(errors="replace"), p.returncode
        end = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
    except subprocess.TimeoutExpired as e:
        out, status = (e.stdout or b"").decode(errors="replace"), -1
        end = f"still running after {limit} s"
    seconds = time.monotonic() - start
    cases = []
    for bad, skip, test in TAP.findall(out):
        verdict = report.SKIP if skip else report.FAIL if bad else report.PASS
        cases.append(report.Case(name, test, verdict, out if verdict == report.FAIL else ""))
    failed = any(c.verdict == report.FAIL for c in cases)
    if not cases or (status != 0 and not failed):
        verdict = report.FAIL if status != 0 else report.PASS
        cases.append(report.Case(name, "whole program", verdict, f"{end}\n{out}"))
    return name, cases, out, seconds


def main():
    """Run the programs named on the command line; exit status 1 if any test failed."""
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--out", required=True, help="JUnit file to write")
    ap.add_argument("--limit", type=float, required=True, help="seconds for one program")
    ap.add_argument("programs", nargs="*")
    args = ap.parse_args()
    everything = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, cases, out, seconds in pool.map(lambda p: run(p, args.limit), args.programs):
            failed = any(c.verdict == report.FAIL for c in cases)
            verdict = "FAIL" if failed else "pass"
            print(f"{verdict}  {name}: {report.count(cases)} ({seconds:.1f} s)", flush=True)
            if failed:
                print(out, flush=True)
            everything += cases
    report.write(args.out, everything)
    sys.exit(any(c.verdict == report.FAIL for c in everything))


if __name__ == "__main__":
    main()
