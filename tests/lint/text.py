# SPDX-License-Identifier: BSD-2-Clause
"""Checks that read files as text: licence tags, white space, words, syntax of scripts."""

import os
import re
import subprocess

from tree import Check

CODE = (".c", ".h", ".S", ".ld", ".py", ".mk", ".awk", ".asl", "Makefile")
DOCS = (".md", ".txt", ".ini", ".cfg")
SPDX = "SPDX-License-Identifier: BSD-2-Clause"
# The rules' own examples would break the rules.
SELF = os.path.join("tests", "lint")


def spdx(tree):
    """The licence tag stands in the first line, or the second after #!."""
    bad = []
    for p in tree.files(*CODE) + tree.scripts("sh") + tree.scripts("python"):
        head = tree.text(p).split("\n")[:2]
        if SPDX not in (head[-1] if head[0].startswith("#!") else head[0]):
            bad.append(f"{p}:1: no licence tag ({SPDX})")
    return bad


def white_space(tree):
    """No trailing blanks, no CR, a newline at the end, ASCII in code."""
    bad = []
    for p in tree.files(*CODE, *DOCS):
        text = tree.text(p)
        if text and not text.endswith("\n"):
            bad.append(f"{p}: no newline at the end")
        for n, line in tree.lines(p):
            if line != line.rstrip():
                bad.append(f"{p}:{n}: white space at the end of the line")
            if p.endswith(CODE) and not line.isascii():
                bad.append(f"{p}:{n}: a character that is not ASCII")
    return bad


WORDS = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "unfinished work; open an issue instead"),
    (re.compile(r"(?<![\w.])/(home|root|tmp|work|mnt)/"), "a path that only this machine has"),
    (re.compile(r"\b(stubbed|placeholder|not implemented yet)\b", re.I), "a stub"),
]


def words(tree):
    """No marks of unfinished work, no paths of the machine it was written on."""
    bad = []
    for p in tree.files(*CODE, *DOCS) + tree.scripts("sh"):
        if p.startswith(SELF):
            continue
        for n, line in tree.lines(p):
            bad += [f"{p}:{n}: {what}: {line.strip()[:60]}"
                    for rx, what in WORDS if rx.search(line)]
    return bad


def scripts(tree):
    """Python, shell and make files parse."""
    bad = []
    for p in tree.files(".py"):
        try:
            compile(tree.text(p), p, "exec")
        except SyntaxError as e:
            bad.append(f"{p}:{e.lineno}: {e.msg}")
    for cmd, paths in ((["bash", "-n"], tree.scripts("sh") + tree.files(".sh")),
                       (["make", "-n", "-f"], tree.files("Makefile"))):
        for p in paths:
            args = cmd + [tree.full(p)] + (["help"] if cmd[0] == "make" else [])
            run = subprocess.run(args, cwd=tree.root, capture_output=True, text=True, check=False)
            if run.returncode:
                bad.append(f"{p}: {run.stderr.strip()}")
    return bad


TAG = f"/* {SPDX} */\n"
CHECKS = [
    Check("licence tags", spdx, [{"lib/a.c": "int a;\n"}, {"x": "#!/bin/sh\necho\n"}],
          {"lib/a.c": TAG, "x": f"#!/bin/sh\n# {SPDX}\n"}),
    Check("white space", white_space,
          [{"a.c": "int a; \n"}, {"a.c": "int a;"}, {"a.c": "int a;\r\n"}, {"a.c": "// \u2192\n"}],
          {"a.c": "int a;\n", "a.md": "\u2192\n"}),
    Check("words", words,
          [{"a.c": "/* TODO: all */\n"}, {"a.md": "see /home/x/y\n"},
           {"a.c": "/* a placeholder */\n"}],
          {"a.c": "/* see docs/tmp/x */\n"}),
    Check("scripts parse", scripts,
          [{"a.py": "def f(:\n"}, {"x": "#!/bin/bash\nif\n"}, {"Makefile": "help:\n  echo\n"}],
          {"a.py": "x = 1\n", "x": "#!/bin/bash\ntrue\n", "Makefile": "help:\n\techo\n"}),
]
