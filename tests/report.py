# SPDX-License-Identifier: BSD-2-Clause
"""Test results: one list of cases per tier, kept as JUnit XML, which pytest writes as well."""

import os
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

PASS, FAIL, SKIP = "passed", "failed", "skipped"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


@dataclass
class Case:
    """One test: its verdict and, for a failure or a skip, the reason."""

    suite: str
    name: str
    verdict: str
    detail: str = ""
    seconds: float = 0.0


def write(path, cases):
    """Write the cases as JUnit XML."""
    root = ET.Element("testsuite", name=os.path.basename(path))
    for c in cases:
        e = ET.SubElement(root, "testcase", classname=c.suite, name=c.name, time=f"{c.seconds:.3f}")
        detail = NOT_XML.sub("?", c.detail)
        if c.verdict == FAIL:
            ET.SubElement(e, "failure", message=detail.strip().split("\n")[0]).text = detail
        elif c.verdict == SKIP:
            ET.SubElement(e, "skipped", message=detail)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    ET.ElementTree(root).write(path)


def read(path):
    """Read cases from JUnit XML; a test that broke counts as failed."""
    cases = []
    for e in ET.parse(path).iter("testcase"):
        bad = [x for x in e if x.tag in ("failure", "error")]
        skip = [x for x in e if x.tag == "skipped"]
        verdict = FAIL if bad else SKIP if skip else PASS
        detail = next((x.get("message") or x.text or "" for x in bad + skip), "")
        cases.append(Case(e.get("classname", ""), e.get("name", ""), verdict, detail,
                          float(e.get("time") or 0)))
    return cases


def count(cases):
    """The three totals as one phrase."""
    n = {v: sum(c.verdict == v for c in cases) for v in (PASS, FAIL, SKIP)}
    return ", ".join(f"{n[v]} {v}" for v in (PASS, FAIL, SKIP))
