# SPDX-License-Identifier: BSD-2-Clause
"""make mutant-test: every rule of docs/seeds.md has a test that fails once the rule is broken.

Reads the table there and mutants.h; runs each named test alone, where it must pass, and with its
mutant, where it must fail. With --cross FILE it runs all tests with all mutants instead and writes
which of them sees which (make soak).
"""

import argparse
import importlib
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(TOP, "tests"), os.path.join(TOP, "tests", "lint")]
# pylint: disable=wrong-import-position
import report  # noqa: E402

SEEDS = "docs/seeds.md"
MUTANTS = "tests/host/fake/mmu/mutants.h"
EVENTS = "tests/host/mutant.c"  # which mutant stands for which MUTANT_EVENT()
SUITE = "mutants"

# The numbered rules of the five seeds, how many of each; and reports that made rules of their own.
SERIES = {"S0": 14, "S1": 11, "S2": 13, "S3": 13, "S4": 13}
REPORTS = ("2018-3646", "2018-12207", "2021-38198", "2022-0330", "2022-1158", "2022-1789",
           "2022-45869", "2023-30456", "2026-23401", "2026-23402", "2026-53359", "2026-64561")
ADVISORIES = (173, 408, 410, 427, 430, 438)  # of Xen, on its shadow paging
WANTED = ([f"{s}.{n}" for s, last in SERIES.items() for n in range(1, last + 1)] +
          [f"CVE-{r}" for r in REPORTS] + [f"XSA-{n}" for n in ADVISORIES])

ROW = re.compile(r"^\| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \|$")
TEST = re.compile(r"^`(\w+)` `(\w+)`$")
LINT = re.compile(r"^lint: (.+)$")
MUTANT = re.compile(r"^`(\w+)`$")
TAP = re.compile(r"^(not )?ok \d+", re.MULTILINE)


@dataclass
class Row:
    """A line of the table: the rule, the test that shows it, the mutant that breaks it."""

    rule: str
    words: str
    test: str
    mutant: str

    def program(self):
        """The test as (program, function), or None."""
        m = TEST.match(self.test)
        return m.groups() if m else None

    def breaker(self):
        """Name of the mutant, or None."""
        m = MUTANT.match(self.mutant)
        return m.group(1) if m else None


def read(path):
    """A file of the source tree."""
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def read_rows():
    """The rows of docs/seeds.md, without the heads of its tables."""
    rows = [Row(*m.groups()) for m in map(ROW.match, read(SEEDS).split("\n")) if m]
    return [r for r in rows if r.rule not in ("rule", "id") and not set(r.rule) <= set("-: ")]


def declared():
    """The mutants of mutants.h: name to rule."""
    return dict(re.findall(r'^\tX\((\w+), "([^"]*)"\)', read(MUTANTS), re.MULTILINE))


def hooks():
    """The mutants that stand somewhere in the code."""
    found, by_event = set(), False
    trees = [x for d in ("mmu", "vm") for x in os.walk(os.path.join(TOP, d))]
    for folder, _, names in trees:
        for n in names:
            path = os.path.relpath(os.path.join(folder, n), TOP)
            if n.endswith((".c", ".h")) and path != MUTANTS:
                found |= set(re.findall(r"\bMUTANT\(([A-Z]\w+)\)", read(path)))
                by_event |= "MUTANT_EVENT(ev) ?" in read(path)
    return found | set(re.findall(r"\{ MUTANT_(\w+), MMU_EV_", read(EVENTS)) if by_event else ())


def lint_names():
    """The names of all lint checks."""
    modules = [importlib.import_module(n) for n in ("source", "text", "commands", "mmu")]
    return {c.name for m in modules for c in m.CHECKS}


def has_test(program, function):
    """The source of the program lists this test."""
    path = f"tests/host/{program}.c"
    if not os.path.exists(os.path.join(TOP, path)):
        return False
    listed = rf"cmocka_unit_test\w*\(\s*{function}\b"
    included = re.findall(r'#include "(\w+\.[ch])"', read(path))
    sources = [path] + [f"tests/host/{x}" for x in included]
    return any(re.search(listed, read(p)) for p in sources
               if os.path.exists(os.path.join(TOP, p)))


def row_wrong(row, mutants):
    """What is wrong with a row in itself, or None."""
    if row.test.startswith("review-only: ") and row.mutant != "-":
        return f"a mutant without a test: {row.mutant}"
    if row.mutant == "-" and (row.test == "open" or row.test.startswith("review-only: ")):
        return None
    lint = LINT.match(row.test)
    if lint:
        return None if lint.group(1) in lint_names() else f"no lint check: {row.test}"
    if not row.program() and row.test != "open":
        return f"neither a test, nor lint, nor review-only: {row.test}"
    if row.program() and not has_test(*row.program()):
        return f"there is no such test: {row.test}"
    if row.mutant.startswith("none: "):
        return None
    if row.breaker() not in mutants:
        return f"no mutant of {MUTANTS}: {row.mutant}"
    return None


def check_tables(rows):
    """Cases about the table, the mutants and the code agreeing with each other."""
    mutants, used, there = declared(), {r.breaker() for r in rows}, hooks()
    wrong = {
        "every rule has a row": [f"no row for {w}" for w in WANTED
                                 if w not in {r.rule for r in rows}],
        "every row names what there is": [f"{r.rule}: {w}" for r in rows
                                          for w in [row_wrong(r, mutants)] if w],
        "every mutant is in a row": [f"no row has {m}" for m in mutants if m not in used],
        "every mutant is in the code": [f"no MUTANT({m}) in mmu/ or vm/" for m in mutants
                                        if m not in there],
        "every hook is declared": [f"{MUTANTS} has no {m}" for m in there if m not in mutants],
    }
    return [report.Case(SUITE, name, report.FAIL if bad else report.PASS, "\n".join(bad))
            for name, bad in wrong.items()]


class Runner:
    """Runs single tests of the built programs, each question once."""

    def __init__(self, programs, limit):
        self.paths = {os.path.basename(p): p for p in programs}
        self.limit = limit
        self.known = {}

    def ask(self, program, function, mutant=None):
        """('passed' or 'failed' or None for no answer, output)."""
        key = (program, function, mutant)
        if key not in self.known:
            self.known[key] = self.run(*key)
        return self.known[key]

    def run(self, program, function, mutant):
        """Run one test. A sanitizer's or an assertion's end is a failure, and so is no end."""
        if program not in self.paths:
            return None, f"{program} was not built"
        env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", TEST_FILTER=function)
        env.pop("MUTANT", None)
        if mutant:
            env["MUTANT"] = mutant
        try:
            p = subprocess.run([self.paths[program]], env=env, timeout=self.limit,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, check=False)
            out, status = p.stdout.decode(errors="replace"), p.returncode
        except subprocess.TimeoutExpired as e:
            out, status = (e.stdout or b"").decode(errors="replace") + "\ntoo slow", -1
        if status:
            return report.FAIL, out
        return (report.PASS if len(TAP.findall(out)) == 1 else None), out


def judge(row, runner):
    """The verdict on one row."""
    name = f"{row.rule}: {row.words}"
    if row.test == "open":
        return report.Case(SUITE, name, report.SKIP, "no test yet")
    if not row.program():
        return report.Case(SUITE, name, report.PASS)
    sound, out = runner.ask(*row.program())
    if sound != report.PASS:
        return report.Case(SUITE, name, report.FAIL, f"{row.test} does not pass by itself\n{out}")
    if not row.breaker():
        return report.Case(SUITE, name, report.PASS)
    broken, out = runner.ask(*row.program(), row.breaker())
    if broken != report.FAIL:
        return report.Case(SUITE, name, report.FAIL,
                           f"{row.test} does not see {row.breaker()}\n{out}")
    return report.Case(SUITE, name, report.PASS)


def show(cases):
    """One line for each failure and each open row, and the totals."""
    for c in cases:
        if c.verdict != report.PASS:
            verdict = "FAIL" if c.verdict == report.FAIL else "skip"
            print(f"{verdict}  {c.name}: {c.detail.strip()[:2000]}", flush=True)
    failed = any(c.verdict == report.FAIL for c in cases)
    print(f"{'FAIL' if failed else 'pass'}  {SUITE}: {report.count(cases)}", flush=True)
    return failed


def judge_all(runner, out):
    """make mutant-test."""
    rows = read_rows()
    cases = check_tables(rows)
    with ThreadPoolExecutor(max_workers=2) as pool:
        cases += pool.map(lambda r: judge(r, runner), rows)
    report.write(out, cases)
    return show(cases)


CROSS_HEAD = """# Mutants and tests

Written by `make soak`: every mutant of `mutants.h` against every test of [seeds.md](seeds.md).
A mutant breaks one rule; the rows say which rules' tests then fail. Its own are in bold.

| mutant | the rule it breaks | failing tests |
|---|---|---|
"""


def cross_row(mutant, words, rows, runner):
    """One line of the cross table, and whether a test that should have failed did not."""
    seen, blind = {}, False
    for r in rows:
        dies = runner.ask(*r.program(), mutant)[0] == report.FAIL
        own = r.breaker() == mutant
        blind |= own and not dies
        if dies:
            seen[r.rule] = own or seen.get(r.rule, False)
    names = [f"**{rule}**" if own else rule for rule, own in seen.items()]
    return f"| `{mutant}` | {words} | {', '.join(names) or 'none'} |\n", blind


def cross(runner, path, out):
    """make soak: the cross table."""
    rows = [r for r in read_rows() if r.program()]
    cases, lines = [], []
    with ThreadPoolExecutor(max_workers=2) as pool:
        todo = [(m, w, pool.submit(cross_row, m, w, rows, runner))
                for m, w in declared().items()]
        for mutant, words, job in todo:
            start = time.monotonic()
            line, blind = job.result()
            lines.append(line)
            cases.append(report.Case(SUITE, f"cross: {words}",
                                     report.FAIL if blind else report.PASS,
                                     f"{mutant} lives" if blind else "",
                                     time.monotonic() - start))
    with open(os.path.join(TOP, path), "w", encoding="utf-8") as f:
        f.write(CROSS_HEAD + "".join(lines))
    report.write(out, cases)
    return show(cases)


def main():
    """Exit status 1 if a test does not see its mutant, or the tables disagree."""
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--out", required=True, help="JUnit file to write")
    ap.add_argument("--limit", type=float, required=True, help="seconds for one test")
    ap.add_argument("--cross", metavar="FILE", help="write the cross table")
    ap.add_argument("programs", nargs="*")
    args = ap.parse_args()
    runner = Runner(args.programs, args.limit)
    bad = cross(runner, args.cross, args.out) if args.cross else judge_all(runner, args.out)
    sys.exit(bad)


if __name__ == "__main__":
    main()
