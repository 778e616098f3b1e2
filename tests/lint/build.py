# SPDX-License-Identifier: BSD-2-Clause
"""make build-test: the image builds with both compilers, is reproducible and small, and holds
nothing of the C library's heap and streams and no floating point code."""

import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
import report
from tree import TOP, Tree

MAX_IMAGE_KIB = 400
BUILD = os.environ.get("BUILD", "build")
WORK = os.path.join(BUILD, "check")
ENV = {k: v for k, v in os.environ.items()
       if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD", "CC", "DEBUG")}


def run(*cmd, cwd=TOP):
    """Run a command; return its status and everything it printed."""
    p = subprocess.run(cmd, cwd=cwd, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, errors="replace", check=False)
    return p.returncode, p.stdout


def output(*cmd):
    """Output of a command that must succeed."""
    status, out = run(*cmd)
    if status:
        raise RuntimeError(f"{' '.join(cmd)}: {out}")
    return out


def build(cc, debug, where, cwd=TOP):
    """Build the image; return complaints."""
    status, out = run("make", "-j2", f"CC={cc}", f"DEBUG={debug}", f"BUILD={where}", cwd=cwd)
    return [line for line in out.splitlines() if not line.startswith("  ")] if status else []


def reproducible():
    """A build of the same files in another folder gives the same bytes."""
    copy = os.path.join(WORK, "copy")
    shutil.rmtree(copy, ignore_errors=True)
    tree = Tree()
    for p in tree.paths:
        os.makedirs(os.path.dirname(os.path.join(copy, p)), exist_ok=True)
        shutil.copy2(tree.full(p), os.path.join(copy, p))
    bad = build("gcc", 0, "build", cwd=os.path.join(TOP, copy))
    for name in () if bad else ("umbra", "umbra.elf"):
        status, out = run("cmp", f"{WORK}/gcc-0/{name}", f"{copy}/build/{name}")
        bad += [out] if status else []
    shutil.rmtree(copy, ignore_errors=True)
    return bad


def small():
    """Text and data fit."""
    text, data = output("size", f"{WORK}/gcc-0/umbra").splitlines()[1].split()[:2]
    kib = (int(text) + int(data)) / 1024
    return [f"text+data is {kib:.0f} KiB, more than {MAX_IMAGE_KIB}"] if kib > MAX_IMAGE_KIB else []


HEAP_AND_STREAMS = re.compile(
    r"^_?(malloc|calloc|realloc|free|memalign|sbrk|fopen|fwrite|fputs?|fflush|printf|setlocale)"
    r"(_r)?$|^__(sinit|sf|sfp|swrite|srefill_r|sflush_r|global_locale)$")


def bad_symbols(symbols):
    """Those of the symbols that must not be in the image."""
    return [f"the image holds {s}" for s in symbols if HEAP_AND_STREAMS.match(s)]


FP_REGISTER = re.compile(r"%([xyz]mm\d|st\b|mm\d|k[0-7]\b)")
FP_FUNCTIONS = re.compile(r"^fpu_")  # these move the guest's registers, on purpose
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")


def fp_code(disassembly):
    """Functions that touch FP or SIMD registers without being on the list."""
    bad, name = set(), ""
    for line in disassembly.splitlines():
        m = FUNCTION.match(line)
        name = m[1] if m else name
        if FP_REGISTER.search(line) and not FP_FUNCTIONS.match(name):
            bad.add(f"{name}() uses FP or SIMD registers")
    return sorted(bad)


def symbols():
    """No heap, no streams; first a plant."""
    assert len(bad_symbols(["malloc", "_free_r", "__sinit", "libc_no_malloc", "frame_free"])) == 3
    names = [line.split()[-1] for line in output("nm", f"{WORK}/gcc-0/umbra.elf").splitlines()]
    return bad_symbols(names)


def no_fp():
    """No FP code in any build; first a plant."""
    plant = "ffff <fpu_save>:\n movups %xmm0,(%rdi)\nffff <f>:\n movups %xmm0,(%rdi)\n"
    assert fp_code(plant) == ["f() uses FP or SIMD registers"]
    return [f"{b}: {line}" for b in ("gcc-0", "clang-0")
            for line in fp_code(output("objdump", "-d", "--no-show-raw-insn",
                                       f"{WORK}/{b}/umbra.elf"))]


def main():
    """Run all checks; exit status 1 if one finds something."""
    cases = []

    def check(name, fn):
        start = time.monotonic()
        try:
            bad = fn()
        except (OSError, RuntimeError) as e:
            bad = [str(e)]
        seconds = time.monotonic() - start
        print(f"{'FAIL' if bad else 'pass'}  {name} ({seconds:.1f} s)", flush=True)
        for line in bad[:30]:
            print(f"      {line}")
        cases.append(report.Case("build", name, report.FAIL if bad else report.PASS,
                                 "\n".join(bad), seconds))

    for cc in ("gcc", "clang"):
        for debug in (0, 1):
            check(f"builds with {cc}, DEBUG={debug}",
                  lambda cc=cc, debug=debug: build(cc, debug, f"{WORK}/{cc}-{debug}"))
    check("a second build is identical", reproducible)
    check(f"text and data fit in {MAX_IMAGE_KIB} KiB", small)
    check("no heap and no streams are linked", symbols)
    check("no floating point code", no_fp)
    report.write(os.path.join(BUILD, "results", "build-test.xml"), cases)
    sys.exit(any(c.verdict == report.FAIL for c in cases))


if __name__ == "__main__":
    main()
