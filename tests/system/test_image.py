# SPDX-License-Identifier: BSD-2-Clause
"""The hypervisor itself, seen from outside: its mappings, its firmware, its end."""

import re
import subprocess

import pytest

import linux
import machine

IMAGE_BASE = 0xffffffff80000000
STACKS = 0xffffd00000000000
STACK_PAGES = 4


def mappings(qemu):
    """(address, size, writable, executable) of each page, by QEMU's monitor."""
    pages = []
    for line in qemu.hmp("info tlb").splitlines():
        m = re.match(r"([0-9a-f]{16}): [0-9a-f]{16} (\S+)", line)
        if m:
            bits = m[2]
            size = 2 << 20 if bits[2] == "P" else 4096
            pages.append((int(m[1], 16), size, bits[8] == "W", bits[0] != "X"))
    return pages


def sections():
    """(address, writable, executable) of the image's segments."""
    text = subprocess.check_output(["readelf", "-lW", f"{machine.BUILD}/umbra.elf"], text=True)
    return [(int(m[1], 16), int(m[2], 16), m[3])
            for m in re.finditer(r"LOAD +\S+ (\S+) \S+ \S+ (\S+) ([RWE ]{3})", text)]


def test_mappings_are_w_xor_x_and_stacks_are_guarded(boot):
    """Looked at while the shell idles and no guest runs."""
    with boot(None, []) as qemu:
        qemu.shell()
        qemu.quiet()
        qemu.qmp("stop")
        pages = mappings(qemu)
    assert len(pages) > 50
    assert [hex(a) for a, _, w, x in pages if w and x] == []
    assert [hex(a) for a, _, _, _ in pages if a < 1 << 47] == []
    assert {x for a, _, _, x in pages if a < IMAGE_BASE} == {False}
    image = {a: (w, x) for a, _, w, x in pages if a >= IMAGE_BASE}
    for start, size, flags in sections():
        end = start + size
        for page in range(start, end - 4096, 4096):
            if page in image:
                assert image[page] == ("W" in flags, "E" in flags), hex(page)
    assert any(x for _, x in image.values())
    stacks = sorted(a for a, _, _, _ in pages if STACKS <= a < STACKS + (1 << 40))
    assert len(stacks) >= 4 * STACK_PAGES and len(stacks) % STACK_PAGES == 0
    for i, page in enumerate(stacks):
        if i % STACK_PAGES == 0:
            assert page - 4096 not in stacks, f"no guard page below the stack at {page:#x}"
        else:
            assert page == stacks[i - 1] + 4096


@pytest.mark.timeout(240)
def test_uefi(boot):
    """The same ISO from UEFI firmware, to the login shell."""
    with boot(ovmf=True, limit=240) as qemu:
        linux.login(qemu, timeout=200)
        assert linux.run(qemu, "nproc") == (0, "2\n")


def test_panic_leaves_a_prompt(boot):
    """Registers, a call chain with function names, and a prompt that still reads the log."""
    with boot(None, []) as qemu:
        qemu.shell()
        qemu.serial.send("panic\r")
        qemu.serial.expect(r"panic: CPU \d+: asked for at the shell")
        qemu.serial.expect(r" rip [0-9a-f]{16} rsp [0-9a-f]{16} rbp [0-9a-f]{16}")
        qemu.serial.expect(r"[0-9a-f]{16} run_panic\+0x")
        qemu.serial.expect(r"[0-9a-f]{16} \w+\+0x")
        qemu.serial.expect("panic> ")
        qemu.serial.send("log\r")
        qemu.serial.expect("boot: svm on")
        qemu.serial.expect("panic> ")
        qemu.serial.send("no such thing\r")
        qemu.serial.expect("error: after a panic only these work: help, log")
        qemu.serial.expect("panic> ")
