# SPDX-License-Identifier: BSD-2-Clause
"""The shell's commands about shadow paging, on a Linux guest that works meanwhile."""

import time

import linux
import machine
import pytest

PAGE = 4096
WORK = ("(while :; do ls -l /bin /proc >/dev/null 2>&1; done & "
        "while :; do cat /proc/stat | wc >/dev/null; done &)")
LIST = "for i in $(seq 20); do ls /proc >/dev/null; done"
FILL = "dd if=/dev/zero of=/big bs=1M count=32 2>/dev/null && rm /big"
CR0_WP, CR0_PG = 1 << 16, 1 << 31


def test_cpu_without_nested_paging(boot):
    """All its guests are shadowed, without a word in their configuration."""
    hello = ("hello", f"{machine.BUILD}/guest/hello")
    ini = "[vm t]\ncpus = 1\nmemory = 64M\nkernel = hello\ncmdline = host=tcg\ndebug_exit = yes\n"
    with boot(ini, [hello], smp=1, cpu="max,-npt") as qemu:
        qemu.serial.expect(r"done: \d+ ok, (\d+) not ok", timeout=30)
        assert qemu.serial.match[1] == "0"
        qemu.to_shell()
        assert audit(qemu, "t") > 0


def number(text):
    """A hexadecimal field."""
    return int(text, 16)


def to_guest(qemu):
    """Give the line to the guest's login shell, past the old lines that its console shows again."""
    qemu.console("linux")
    qemu.quiet()
    qemu.serial.buffer = ""
    qemu.serial.send("\r")
    qemu.serial.expect(linux.PROMPT)


def since(qemu, *names):
    """What these counters have counted since the last --reset."""
    rows = {r["counter"]: r for r in qemu.json("mmu stat linux")}
    return [rows[n]["since"] for n in names]


def counted(qemu, settings, *names, work=LIST):
    """These counters over the same piece of the guest's work under some settings."""
    qemu.run(f"mmu set linux {settings}")
    qemu.run("mmu stat linux --reset")
    to_guest(qemu)
    assert linux.run(qemu, work)[0] == 0
    qemu.to_shell()
    return since(qemu, *names)


def audit(qemu, name="linux"):
    """The number of shadow pages and tables checked; no rule may be broken."""
    rows = qemu.json(f"mmu audit {name}", timeout=60)
    assert rows[0]["errors"] == 0, rows
    return rows[0]["tables"]


def check_roots(qemu):
    """Each vCPU has one root in use at most; those kept for later differ."""
    rows = qemu.json("mmu roots linux")
    for cpu in (0, 1):
        mine = [r for r in rows if r["vcpu"] == cpu]
        assert sum(r["state"] in ("current", "to-sync", "to-build") for r in mine) == 1, mine
        keys = [(r["guest"], r["mode"]) for r in mine]
        assert len(set(keys)) == len(keys)
    assert all(r["mode"].endswith("level nx wp") for r in rows if r["state"] == "current"), rows
    assert sum(r["state"] == "parked" for r in rows) > 2
    return rows


def check_role(qemu):
    """The registers of both sides, and the bits they come to."""
    rows = qemu.json("mmu role linux.1")
    cr0 = next(r for r in rows if r.get("register") == "cr0")
    assert number(cr0["hardware"]) & (CR0_PG | CR0_WP) == CR0_PG | CR0_WP
    assert {r["bit"]: r["value"] for r in rows if "bit" in r}["lma"] == 1


def check_tree(qemu, roots):
    """A parked root can be shown in pieces, in order and without a gap."""
    hpa = next(r["hpa"] for r in roots if r["state"] == "parked")
    rows = qemu.json(f"mmu tree linux {hpa} lines=8")
    more = rows.pop()["text"]
    assert more.startswith("more follows: from=0x") and len(rows) == 8
    assert all(number(a["end"]) <= number(b["gva"]) for a, b in zip(rows, rows[1:]))
    rest = qemu.json(f"mmu tree linux {hpa} lines=8 {more.split()[-1]}")
    assert number(rest[0]["gva"]) >= number(rows[-1]["end"])
    assert "digraph" in qemu.json("mmu tree linux --dot lines=20")[0]["text"]


def check_pages(qemu, cr3):
    """From a root's frame to its shadow page, and from that down to another one."""
    rows = qemu.json(f"mmu gfn linux {cr3 // PAGE:#x}")
    assert rows[0]["slot"] == "ram" and rows[0]["shadows"] >= 1
    top = next(r for r in rows if r.get("roots"))
    rows = qemu.json(f"mmu page linux {top['page']}")
    assert number(rows[0]["table_gpa"]) == cr3
    below = next(r for r in rows if r.get("page") and "index" in r)
    rows = qemu.json(f"mmu page linux {below['hpa']}")
    assert {"parent": top["page"], "index": below["index"]}.items() <= next(
        r for r in rows if r.get("parent") == top["page"]).items()
    assert rows[0]["level"] == top["level"] - 1


def check_walk(qemu):
    """The kernel's text: each level has an entry on both sides, down to where one ends."""
    rows = qemu.json("mmu walk linux.0 gva rip x")
    walk = [r for r in rows if "level" in r]
    assert walk[0]["level"] in (4, 5) and walk[0]["guest_means"].startswith("table")
    assert walk[0]["shadow_means"].startswith("table")
    assert any("verdict" in r for r in rows)


def check_watches(qemu):
    """Frames that the guest executes from are touched again, by either vCPU."""
    for n in range(8):
        walk = qemu.json(f"mmu walk linux.{n % 2} gva rip x")
        gpa = number(next(r for r in walk if "verdict" in r)["gpa"])
        qemu.run(f"mmu watch linux {gpa // PAGE:#x}")
    end = time.monotonic() + 30
    while True:
        rows = qemu.json("mmu watch linux")
        if sum(r["state"] == "hit" for r in rows) >= 2:
            break
        assert time.monotonic() < end, rows
    assert all(r["gva"] != "-" for r in rows if r["state"] == "hit"), rows
    audit(qemu)
    for r in rows:
        if r["state"] == "armed":
            qemu.run(f"mmu watch linux {r['gfn']} off")


@pytest.mark.timeout(260, method="signal")
def test_commands_on_a_working_guest(boot):
    """Everything that can be asked is answered, and the guest does not notice."""
    with boot(linux.ini(paging="shadow"), limit=200) as qemu:
        linux.login(qemu)
        linux.run(qemu, WORK)
        qemu.to_shell()
        check_role(qemu)
        check_roots(qemu)
        qemu.run("vm pause linux")  # a process may end, and take its tables with it
        roots = check_roots(qemu)
        check_tree(qemu, roots)
        check_pages(qemu, number(roots[0]["guest"].split()[-1]))
        qemu.run("vm resume linux")
        check_walk(qemu)
        check_watches(qemu)
        assert audit(qemu) > 50
        rows = qemu.json("mmu unsync linux")
        assert all(r["state"] == "unsync" and r["level"] == 1 for r in rows if "state" in r)
        for _ in range(3):
            assert "are obsolete" in qemu.run("mmu zap linux all")
            audit(qemu)
        to_guest(qemu)
        assert linux.run(qemu, "echo alive")[1].endswith("alive\n")
        assert linux.complaints(qemu) == []
        qemu.to_shell()
        audit(qemu)


@pytest.mark.timeout(220, method="signal")
def test_optimisations_one_by_one(boot):
    """Switched off, the counters show what each of them saves."""
    with boot(linux.ini(cpus=1, paging="shadow"), limit=200) as qemu:
        linux.login(qemu)
        qemu.to_shell()
        unsync, stores, hits = counted(qemu, "unsync=on roots=16", "unsync", "shadow_emulate",
                                       "root_hit")
        assert unsync > 0 and hits > 0
        none, more = counted(qemu, "unsync=off", "unsync", "shadow_emulate")
        assert none == 0 and more > stores
        built = counted(qemu, "unsync=on roots=16", "root_build")[0]
        assert counted(qemu, "roots=1", "root_build")[0] > built
        ahead, faults = counted(qemu, "roots=16 prefetch=64", "prefetch", "shadow_fixed")
        nothing, each = counted(qemu, "prefetch=1", "prefetch", "shadow_fixed")
        assert ahead > 0 and nothing == 0 and each > faults
        # the kernel writes to its large pages, after all shadows were dropped
        small = counted(qemu, "prefetch=8 huge=off", "shadow_fixed", work=FILL)[0]
        qemu.run("mmu set linux huge=on")
        qemu.run("mmu zap linux all")
        assert counted(qemu, "huge=on", "shadow_fixed", work=FILL)[0] < small / 2
        audit(qemu)


def test_trace_of_one_machine(boot):
    """The ring holds what the MMU did, with reasons, and nothing else."""
    with boot(linux.ini(cpus=1, paging="shadow")) as qemu:
        linux.login(qemu)
        qemu.to_shell()
        qemu.run("mmu trace linux on")
        to_guest(qemu)
        linux.run(qemu, "ls /bin")
        qemu.to_shell()
        qemu.run("mmu trace linux off")
        rows = [r for r in qemu.json("trace dump 600", timeout=60) if "event" in r]
        assert {r["vm"] for r in rows} == {"linux"}
        events = {r["event"] for r in rows}
        assert {"shadow_fault", "shadow_why", "root", "unsync", "sync"} <= events, events
        assert not events & {"exit", "enter"}
        faults = {r["verdict"] for r in rows if r["event"] == "shadow_fault"}
        assert {"fixed", "inject"} <= faults, faults
