# SPDX-License-Identifier: BSD-2-Clause
"""Goals of the benchmark, and how figures are shown."""

from dataclasses import dataclass


@dataclass
class Goal:
    """One goal: met when value is at most limit. No value: missed."""

    goal: str
    value: float | None
    limit: float
    shown: str

    @property
    def met(self):
        """Is it?"""
        return self.value is not None and self.value <= self.limit


def fraction(x):
    """A ratio as people compare it: 1/6.8."""
    if x is None:
        return "unknown"
    if x <= 0:
        return "0"
    return f"1/{1 / x:.{2 if x > 0.01 else 0}f}" if x < 1 else f"{x:.2f}"


def millions(n):
    """A number of instructions."""
    return f"{n / 1e6:.1f} M" if n else "unknown"


def print_goals(goals):
    """For people."""
    print("\nGoals:\n")
    for g in goals:
        print(f"{'met   ' if g.met else 'MISSED'}  {g.goal}: {g.shown}")
