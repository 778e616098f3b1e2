# SPDX-License-Identifier: BSD-2-Clause
"""make coverage: what of mmu/ the host programs have run, from gcov's counts.

Fails below a share of all lines, and wherever a verdict, or the reason for one, was never given:
each is a way for a fault to end, and has to be seen. Where one line names two, both must be taken.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
# pylint: disable=wrong-import-position
import report  # noqa: E402

SUITE = "coverage"
# Verdicts that no code gives yet, and why.
LATER = {"REFLECT_L1": "of a guest's own guests, which come with nested paging"}

VERDICT = re.compile(r"^\tX\((\w+), \"[^\"]*\"\)", re.MULTILINE)
# A statement that gives a reason (all of them are literal text), or a verdict.
REASON = re.compile(r"(?:reason|broken) = [^;]*\"|\breturn (?:fail\([^;]*)?\"|\bfail\([^;]*\"")
GIVEN = re.compile(r"(?:\breturn|\bv =|[?:]) MMU_([A-Z]\w*)\b(?![^;]*\()")


class Counts:
    """How often lines, and the ways out of them, were taken: all programs together."""

    def __init__(self):
        self.lines = defaultdict(Counter)  # of a file
        self.ways = defaultdict(Counter)  # of (file, line), by number

    def add(self, path):
        """Add what a program has counted for one of its objects."""
        out = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", path],
                             cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        for text in out.stdout.decode().splitlines():
            for f in json.loads(text)["files"]:
                if f["file"].startswith("mmu/"):
                    self._add_file(f)

    def _add_file(self, f):
        for line in f["lines"]:
            n = line["line_number"]
            self.lines[f["file"]][n] += line["count"]
            for i, way in enumerate(line["branches"]):
                self.ways[f["file"], n][i] += way["count"]

    def share(self, path):
        """Lines run and lines there are."""
        return sum(c > 0 for c in self.lines[path].values()), len(self.lines[path])

    def missed(self, path, first, last):
        """A statement on these lines, or one of its alternatives, was never run."""
        counts = [self.lines[path][n] for n in range(first, last + 1) if n in self.lines[path]]
        return not any(counts)

    def one_sided(self, path, line):
        """The line has alternatives and one of them was never taken."""
        return 0 in self.ways[path, line].values()


def statements(text, pattern):
    """First line, last line and text of each match, which runs to its semicolon."""
    for m in pattern.finditer(text):
        end = text.index(";", m.start())
        first = text.count("\n", 0, m.start()) + 1
        yield first, first + text.count("\n", m.start(), end), m


def unseen(counts, path):
    """Reasons of this file that were never given."""
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        text = f.read()
    for first, last, m in statements(text, REASON):
        both = " ? \"" in m[0] or re.search(r"\? \"", text[m.start():text.index(";", m.start())])
        if counts.missed(path, first, last) or (both and counts.one_sided(path, first)):
            yield f"{path}:{first}: never given: {' '.join(m[0].split())}"


def verdicts(counts):
    """Verdicts that were never given, and those that are wrongly said to come later."""
    with open(os.path.join(TOP, "mmu/mmu.h"), encoding="utf-8") as f:
        names = VERDICT.findall(f.read())
    seen = set()
    for path in list(counts.lines):
        with open(os.path.join(TOP, path), encoding="utf-8") as f:
            text = f.read()
        for first, last, m in statements(text, GIVEN):
            if not counts.missed(path, first, last):
                seen.add(m[1])
    bad = [f"no test sees MMU_{n}" for n in names if n not in seen and n not in LATER]
    return bad + [f"MMU_{n} is given, but listed as one of later" for n in LATER if n in seen]


def main():
    """Print the table and the verdicts; exit status 1 if something is missing."""
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--out", required=True, help="JUnit file to write")
    ap.add_argument("--least", type=float, default=90.0, help="percent of all lines")
    ap.add_argument("folder", help="where the programs were built")
    args = ap.parse_args()
    counts = Counts()
    for path in glob.glob(os.path.join(args.folder, "**", "*.gcda"), recursive=True):
        counts.add(path)
    hit = total = 0
    for path in sorted(counts.lines):
        n, of = counts.share(path)
        hit, total = hit + n, total + of
        print(f"  {100 * n / of:5.1f} %  {n:4} of {of:4}  {path}")
    percent = 100 * hit / total if total else 0.0
    few = "" if percent >= args.least else f"{percent:.1f} %, at least {args.least:.0f} %"
    reasons = [r for path in sorted(counts.lines) for r in unseen(counts, path)]
    checks = {f"lines of mmu/: {percent:.1f} % of {total}": few,
              "every verdict is seen": "\n".join(verdicts(counts)),
              "every reason is given": "\n".join(reasons)}
    cases = [report.Case(SUITE, name, report.FAIL if bad else report.PASS, bad)
             for name, bad in checks.items()]
    for c in cases:
        print(f"{'FAIL' if c.detail else 'pass'}  {c.name}" +
              (f": {c.detail}" if c.detail else ""))
    report.write(args.out, cases)
    sys.exit(any(c.detail for c in cases))


if __name__ == "__main__":
    main()
