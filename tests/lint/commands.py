# SPDX-License-Identifier: BSD-2-Clause
"""docs/shell.md lists every shell command, as it is. Run alone, this prints the table."""

import re

from tree import Check, Tree

DOC = "docs/shell.md"
STRINGS = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
COMMAND = re.compile(r"^SHELL_CMD\(\w+,\s*" + r",\s*".join([STRINGS] * 5), re.MULTILINE)


def value(literal):
    """The string that adjacent C literals stand for."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literal)).replace('\\"', '"')


def rows(tree):
    """A table row for each command in the image's sources, by name."""
    found = []
    for path in tree.image_files(".c"):
        for match in COMMAND.finditer(tree.text(path)):
            noun, verb, args, text, example = (value(s) for s in match.groups())
            usage = " ".join(w for w in (noun, verb, args) if w).replace("|", "\\|")
            found.append((noun, verb, f"| `{usage}` | {text} | `{example}` |"))
    return [row for _, _, row in sorted(found)]


def check(tree):
    """Every command has its row, and every row its command."""
    want = rows(tree)
    lines = tree.text(DOC).split("\n") if DOC in tree.paths else []
    have = [line for line in lines if line.startswith("| `")]
    return ([f"{DOC}: no such row: {row}" for row in want if row not in have] +
            [f"{DOC}: no such command any more: {row}" for row in have if row not in want])


SOURCE = 'SHELL_CMD(cmd_a, "vm", "list", "",\n\t  "Lists " "all", "vm list", run, NULL);\n'
ROW = "| `vm list` | Lists all | `vm list` |\n"
CHECKS = [
    Check("commands are documented", check,
          plants=[{"vm/a.c": SOURCE}, {"vm/a.c": SOURCE, DOC: "nothing\n"},
                  {"vm/a.c": SOURCE, DOC: ROW + "| `vm gone` | Was here | `vm gone` |\n"}],
          clean={"vm/a.c": SOURCE, DOC: ROW}),
]

if __name__ == "__main__":
    print("\n".join(rows(Tree())))
