# SPDX-License-Identifier: BSD-2-Clause
"""Checks of the C code: format, headers that stand alone, include direction, sizes."""

import json
import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor

from tree import IMAGE_DIRS, TOP, Check

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS, MAX_COLUMNS = 800, 100, 6, 100


def clang_format(tree):
    """clang-format would change nothing."""
    paths = tree.files(".c", ".h")
    cmd = ["clang-format", f"--style=file:{TOP}/.clang-format", "--dry-run", "-Werror"]
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = pool.map(lambda p: subprocess.run(cmd + [tree.full(p)], capture_output=True,
                                                 text=True, check=False), paths)
    return [f"{p}: {r.stderr.splitlines()[0].split('/')[-1]}; run make format"
            for p, r in zip(paths, runs) if r.returncode]


def headers(tree):
    """Each header compiles alone, and twice in a row."""
    show = subprocess.run(["make", "-s", "show-flags"], cwd=TOP, capture_output=True, text=True,
                          check=True)
    cmd = shlex.split(show.stdout) + ["-fsyntax-only", "-x", "c", "-"]
    cmd.insert(1, f"-I{tree.root}")

    def compile_alone(path):
        return subprocess.run(cmd, cwd=TOP, input=f'#include "{path}"\n' * 2, capture_output=True,
                              text=True, check=False)

    paths = tree.image_files(".h")
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = pool.map(compile_alone, paths)
    return [f"{p}: {r.stderr.strip()}" for p, r in zip(paths, runs) if r.returncode]


RANK = {"lib": 0, "arch": 1, "drivers": 2, "mmu": 2, "vm": 3, "vmx": 4, "svm": 4, "shell": 5,
        "boot": 6}
BACKENDS = ("vmx", "svm")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
LIBC = {f"{n}.h" for n in ("ctype", "errno", "limits", "stdarg", "stdbool", "stddef", "stdint",
                           "stdio", "stdlib", "string")}
GLUE = {"locale.h", "reent.h"}  # of newlib's, for lib/libc.c only


def wrong_include(path, quote, target):
    """Why the file may not include the target, or None."""
    folder, other = path.split("/")[0], target.split("/")[0]
    if quote == "<":
        known = target in LIBC or (path == "lib/libc.c" and target in GLUE)
        return None if known else "not a header of the C library that we use"
    if "/" not in target:
        return 'write "folder/file.h"'
    if other == folder:
        return None
    if target.endswith("_priv.h"):
        return f"private to {other}/"
    if other in BACKENDS and (folder != "boot" or path != "boot/main.c"):
        return "only boot/main.c names the backends"
    if other not in RANK or RANK[other] >= RANK[folder]:
        return f"{folder}/ may not see {other}/"
    return None


NAMES_BACKEND = re.compile(rf"\b({'|'.join(BACKENDS)})(?![a-z])", re.I)
ABOVE_BACKENDS = ("vm", "mmu", "shell")


def backends(tree):
    """The backends have the same files, but in folders of their own below; what uses them through
    vm/hv_ops.h or comes before them names none, in comments neither."""
    have = {b: {f for p in tree.image_files("") for d, f in [os.path.split(p)] if d == b}
            for b in BACKENDS}
    bad = [f"{b}/{f}: {other}/ has no such file" for b, other in (BACKENDS, BACKENDS[::-1])
           for f in sorted(have[b] - have[other])]
    for p in tree.image_files(".c", ".h", ".S"):
        if p.split("/")[0] in ABOVE_BACKENDS:
            bad += [f"{p}:{n}: names a backend: {line.strip()[:60]}"
                    for n, line in tree.lines(p) if NAMES_BACKEND.search(line)]
    return bad


def find_cycle(graph):
    """A list of headers that include each other in a ring, or None."""
    done = set()

    def visit(node, path):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        for n in graph.get(node, ()):
            ring = visit(n, path + [node])
            if ring:
                return ring
        done.add(node)
        return None

    return next((ring for node in graph for ring in [visit(node, [])] if ring), None)


def includes(tree):
    """Includes point downwards, private headers stay private, no header includes itself."""
    bad, graph = [], {}
    for p in tree.image_files(".c", ".h", ".S"):
        for n, line in tree.lines(p):
            m = INCLUDE.match(line)
            if not m:
                continue
            why = wrong_include(p, m[1], m[2])
            if why:
                bad.append(f"{p}:{n}: {m[2]}: {why}")
            graph.setdefault(p, []).append(m[2])
    ring = find_cycle(graph)
    return bad + ([f"headers include each other: {' -> '.join(ring)}"] if ring else [])


def functions(tree, paths):
    """Name, file, first and last line and signature of every function, by universal-ctags."""
    cmd = ["ctags-universal", "--output-format=json", "--languages=C", "--map-C=+.h", "--kinds-C=f",
           "--fields=+neS", "-I", "__must_check,__printf+,__cold,__noreturn", "-L", "-", "-f", "-"]
    run = subprocess.run(cmd, cwd=tree.root, input="\n".join(paths), capture_output=True, text=True,
                         check=True)
    return [t for t in map(json.loads, run.stdout.splitlines()) if "end" in t]


def count_parameters(signature):
    """Number of parameters, those of function pointers among them not counted."""
    inner = signature.strip()[1:-1].strip()
    if inner in ("", "void"):
        return 0
    depth = count = 0
    for c in inner:
        depth += (c == "(") - (c == ")")
        count += c == "," and depth == 0
    return count + 1


MADE_OF = re.compile(r"/\* (SOURCES|LIBS|CFLAGS): ")  # tests/host/host.awk wants one line


def limits(tree):
    """Files, functions, parameters and lines stay within their limits."""
    bad = []
    for p in tree.files(".c", ".h", ".S", ".py"):
        nr = 0
        for nr, line in tree.lines(p):
            # clang-format leaves strings whole, however long.
            whole = p.endswith((".c", ".h")) and ('"' in line or MADE_OF.match(line))
            if len(line.expandtabs(8)) > MAX_COLUMNS and not whole:
                bad.append(f"{p}:{nr}: longer than {MAX_COLUMNS} columns")
        if nr - 1 > MAX_FILE_LINES:
            bad.append(f"{p}: {nr - 1} lines, more than {MAX_FILE_LINES}")
    for f in functions(tree, tree.files(".c", ".h")):
        where = f"{f['path']}:{f['line']}: {f['name']}()"
        if f["end"] - f["line"] + 1 > MAX_FUNCTION_LINES:
            bad.append(f"{where} has {f['end'] - f['line'] + 1} lines")
        if count_parameters(f.get("signature", "()")) > MAX_PARAMETERS:
            bad.append(f"{where} has {count_parameters(f['signature'])} parameters")
    return bad


CONDITIONAL = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b")
DEBUG_ONLY = re.compile(r"^\s*#\s*ifdef DEBUG$")
DEBUG_FILES = {"lib/bug.h", "arch/spinlock.h"}


def conditionals(tree):
    """No preprocessor conditional inside a function; DEBUG has its three places."""
    bad = []
    paths = tree.image_files(".c", ".h")
    bodies = {}
    for f in functions(tree, paths):
        bodies.setdefault(f["path"], []).append(range(f["line"], f["end"] + 1))
    for p in paths:
        for n, line in tree.lines(p):
            if not CONDITIONAL.match(line) or (p in DEBUG_FILES and DEBUG_ONLY.match(line)):
                continue
            if any(n in body for body in bodies.get(p, ())):
                bad.append(f"{p}:{n}: a preprocessor conditional inside a function")
    return bad


FORBIDDEN = [
    (re.compile(r"\berrno\b(?!\.h)"), "errno is shared by all CPUs; return the error"),
    (re.compile(r"\b(malloc|calloc|realloc|free|fopen|f?puts|f?printf|asprintf|alloca|strdup|abort)"
                r"\s*\("), "not in the hypervisor"),
    (re.compile(r"\b(float|double)\b"), "no floating point in the hypervisor"),
    (re.compile(r"^\s*#\s*pragma\s+(?!once|GCC unroll)"), "no pragma but once and GCC unroll"),
]
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


def forbidden(tree):
    """Names that the hypervisor must not use."""
    bad = []
    for p in tree.image_files(".c", ".h"):
        # Comments and strings are blanked, newlines kept.
        text = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), tree.text(p))
        for n, line in enumerate(text.split("\n"), 1):
            bad += [f"{p}:{n}: {what}" for rx, what in FORBIDDEN if rx.search(line)]
    return bad


LONG = "\n".join(f"\tx += {i};" for i in range(120))
CHECKS = [
    Check("format", clang_format, [{"lib/a.c": "int  a;\n"}], {"lib/a.c": "int a;\n"}),
    Check("headers stand alone", headers,
          [{"lib/zz.h": "#pragma once\nu64 f(void);\n"}, {"lib/zz.h": "struct zz { int a; };\n"}],
          {"lib/zz.h": "#pragma once\nstruct zz {\n\tint a;\n};\n"}),
    Check("include direction", includes,
          [{"lib/a.c": '#include "arch/x86.h"\n'}, {"mmu/a.c": '#include "drivers/a.h"\n'},
           {"shell/a.c": '#include "svm/a.h"\n'}, {"vm/a.c": '#include "mmu/a_priv.h"\n'},
           {"svm/a.c": '#include "vmx/a.h"\n'}, {"boot/a.c": '#include "svm/a.h"\n'},
           {"vm/a.c": '#include "a.h"\n'}, {"vm/a.c": "#include <pthread.h>\n"},
           {"vm/a.h": '#include "vm/b.h"\n', "vm/b.h": '#include "vm/a.h"\n'}],
          {"vm/a.c": '#include <string.h>\n#include "mmu/a.h"\n#include "vm/a_priv.h"\n',
           "boot/main.c": '#include "svm/a.h"\n'}),
    Check("backends", backends,
          [{"svm/a.c": ""}, {"vmx/a.h": "", "svm/a.c": ""}, {"vm/a.c": "svm_load(v);\n"},
           {"mmu/a.h": "/* as vmx/exit.c does */\n"}, {"shell/a.c": 'char *s = "VMX";\n'}],
          {"svm/a.c": "", "vmx/a.c": "", "vmx/b/c.c": "", "vm/a.c": "OP_VMXON; /* vmxon */\n",
           "lib/a.c": "CPU_SVM\n"}),
    Check("size limits", limits,
          [{"lib/a.c": "\n" * 801}, {"lib/a.c": f"int f(int x)\n{{\n{LONG}\n\treturn x;\n}}\n"},
           {"lib/a.h": "static inline int f(int a, int b, int c, int d, int e, int g, int h)\n"
                       "{\n\treturn a;\n}\n"}, {"a.py": "x = 1  #" + "x" * 100 + "\n"}],
          {"lib/a.c": "int f(int a, int b, int c, void (*d)(int, int), int e, int g)\n"
                      "{\n\treturn a;\n}\n" + "\n" * 796}),
    Check("conditionals", conditionals,
          [{"lib/a.c": "int f(void)\n{\n#ifdef A\n\treturn 1;\n#endif\n\treturn 0;\n}\n"}],
          {"lib/a.c": "#ifdef A\nint f(void)\n{\n\treturn 0;\n}\n#endif\n"}),
    Check("forbidden names", forbidden,
          [{"vm/a.c": "int f(void)\n{\n\treturn errno;\n}\n"}, {"vm/a.c": "void *p = malloc(3);\n"},
           {"vm/a.c": "double d;\n"}, {"vm/a.c": "#pragma pack(1)\n"}],
          {"vm/a.c": '#include <errno.h>\n/* errno, malloc() */\nchar *s = "printf(";\n'}),
]
assert set(IMAGE_DIRS) == set(RANK)
