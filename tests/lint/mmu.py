# SPDX-License-Identifier: BSD-2-Clause
"""Checks of the guest MMU's own rules, of those that can be seen in its text (docs/seeds.md)."""

import re

from source import COMMENT, INCLUDE
from tree import Check

ROLE_FILES = ("mmu/role.c", "mmu/role.h")
# A field of a role is set, or a role is made from fields.
ROLE_WRITE = re.compile(r"\brole(\.page)?\.\w+\s*([|&^+-]?=(?!=)|\+\+|--)"
                        r"|\(union (page|cpu)_role\)\s*\{\s*\."
                        r"|\bunion (page|cpu)_role \w+ = \{\s*\.")


def role_writers(tree):
    """Roles are made in mmu/role.c alone; the others copy and compare them (S1.2)."""
    bad = []
    for p in tree.image_files(".c", ".h"):
        if p in ROLE_FILES:
            continue
        code = COMMENT.sub(lambda m: "\n" * m[0].count("\n"), tree.text(p))
        bad += [f"{p}:{code.count(chr(10), 0, m.start()) + 1}: a role is made in mmu/role.c"
                for m in ROLE_WRITE.finditer(code)]
    return bad


ROOT_CACHE = ("mmu/shadow/rcache.c", "mmu/shadow/rcache.h")
REGISTERS = ("arch/regs.h", "mmu/walk.h", "mmu/gfmt.h")


def root_cache(tree):
    """The root cache sees no register of a guest, not even through other headers (S0.12)."""
    bad, todo, seen = [], [p for p in ROOT_CACHE if p in tree.paths], set()
    while todo:
        path = todo.pop()
        if path in seen or path not in tree.paths:
            continue
        seen.add(path)
        if path in REGISTERS:
            bad.append(f"{path}: reached from the root cache, which must not see registers")
        todo += [m[2] for m in map(INCLUDE.match, tree.text(path).split("\n")) if m]
    return bad


MMU_LINES = 9100


def small_enough(tree):
    """One person can read all of mmu/: a new line there may have to replace an old one."""
    lines = sum(tree.text(p).count("\n") for p in tree.image_files(".c", ".h")
                if p.startswith("mmu/"))
    return [f"mmu: {lines} lines, at most {MMU_LINES}"] if lines > MMU_LINES else []


CHECKS = [
    Check("roles are made in mmu/role.c", role_writers,
          [{"mmu/a.c": "void f(struct sp *sp)\n{\n\tsp->role.level = 0;\n}\n"},
           {"mmu/a.c": "void f(struct c *c)\n{\n\tc->role.page.wp |= 1;\n}\n"},
           {"vm/a.c": "union cpu_role r(void)\n{\n\treturn (union cpu_role){ .pg = 1 };\n}\n"},
           {"mmu/a.h": "static const union page_role a = { .level = 3 };\n"}],
          {"mmu/role.c": "void f(struct sp *sp)\n{\n\tsp->role.level = 0;\n}\n",
           "mmu/a.c": "/* role.level = 3 */\nbool f(struct sp *sp, union page_role r)\n{\n"
                      "\tsp->role = r;\n\treturn sp->role.level == 3;\n}\n"}),
    Check("the root cache knows no registers", root_cache,
          [{"mmu/shadow/rcache.c": '#include "mmu/shadow/root.h"\n',
            "mmu/shadow/root.h": '#include "mmu/walk.h"\n', "mmu/walk.h": "int a;\n"}],
          {"mmu/shadow/rcache.c": '#include "mmu/role.h"\n', "mmu/role.h": "struct mmu_regs;\n",
           "mmu/a.c": '#include "mmu/walk.h"\n', "mmu/walk.h": "int a;\n"}),
    Check("mmu/ is small enough", small_enough,
          [{"mmu/a.c": "\n" * (MMU_LINES - 1), "mmu/shadow/b.h": "\n\n"}],
          {"mmu/a.c": "\n" * MMU_LINES, "mmu/b.txt": "\n", "vm/a.c": "\n"}),
]
