# SPDX-License-Identifier: BSD-2-Clause
"""make lint: the rules of the house, one line each. Every check first proves that it works, on
small trees that break its rule."""

import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
import report
import commands
import mmu
import source
import text
from tree import Tree

MAX_SHOWN = 20


def verdict_on(check, files):
    """What the check says about a tree of these files."""
    with tempfile.TemporaryDirectory() as root:
        for path, contents in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8", newline="") as f:
                f.write(contents)
        return check.run(Tree(root))


def prove(check):
    """Sentences about plants that the check missed, or a clean tree that it refused."""
    wrong = [f"the check missed a plant: {plant}" for plant in check.plants
             if not verdict_on(check, plant)]
    complaints = verdict_on(check, check.clean)
    if complaints:
        wrong.append(f"the check refused a clean tree: {complaints}")
    return wrong


def main():
    """Run all checks; exit status 1 if one finds something."""
    tree, cases = Tree(), []
    for check in source.CHECKS + text.CHECKS + commands.CHECKS + mmu.CHECKS:
        start = time.monotonic()
        bad = prove(check) or check.run(tree)
        seconds = time.monotonic() - start
        print(f"{'FAIL' if bad else 'pass'}  {check.name} ({seconds:.1f} s)", flush=True)
        for line in bad[:MAX_SHOWN]:
            print(f"      {line}")
        if len(bad) > MAX_SHOWN:
            print(f"      and {len(bad) - MAX_SHOWN} more")
        cases.append(report.Case("lint", check.name, report.FAIL if bad else report.PASS,
                                 "\n".join(bad), seconds))
    report.write(os.path.join(os.environ.get("BUILD", "build"), "results", "lint.xml"), cases)
    sys.exit(any(c.verdict == report.FAIL for c in cases))


if __name__ == "__main__":
    main()
