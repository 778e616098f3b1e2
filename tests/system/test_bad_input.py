# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: one clear sentence that names the thing, and the shell still there."""

import pytest

import linux
import machine

GUEST = f"{machine.BUILD}/guest"


def read(path):
    """The bytes of a file."""
    with open(path, "rb") as f:
        return f.read()


def broken(ini, files=(), sentence="", **hardware):
    """A case: what is booted, and the sentence that the log must have."""
    return ini, list(files), sentence, hardware


def one(**keys):
    """The text of one machine; keys replace those of a good one."""
    lines = {"cpus": "1", "memory": "64M", "kernel": "hello"} | keys
    return "[vm t]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items() if v is not None)


def cases():
    """By name. Linux and ELF files are cut and damaged copies of good ones."""
    vmlinuz, hello = read(f"{linux.FOLDER}/vmlinuz"), read(f"{GUEST}/hello")
    good = [("hello", hello)]
    return {
        "no modules": broken(None, sentence="no machines: give GRUB an INI file"),
        "missing kernel": broken(one(kernel="nowhere"), good, "nowhere"),
        "missing initrd": broken(one(kernel="vmlinuz", initrd="gone"), [("vmlinuz", vmlinuz)],
                                 "gone"),
        "no kernel key": broken(one(kernel=None), good, "kernel"),
        "bad line": broken("[vm t]\ncpus = 1\nthis is no line\n", good, "machine.ini:3"),
        "bad section": broken("[machine t]\n", good, "machine.ini:1"),
        "unknown key": broken(one(colour="red"), good, "colour"),
        "bad number": broken(one(memory="lots"), good, "lots"),
        "too much memory": broken(one(memory="64G"), good, "64"),
        "no CPU": broken(one(cpus="0"), good, "cpus"),
        "too many CPUs": broken(one(cpus="1000"), good, "cpus"),
        "same name twice": broken(one() + one(), good, "machine.ini:5"),
        "truncated Linux": broken(one(kernel="vmlinuz"), [("vmlinuz", vmlinuz[:100000])],
                                  "vmlinuz"),
        "Linux setup header only": broken(one(kernel="vmlinuz"), [("vmlinuz", vmlinuz[:0x210])],
                                          "vmlinuz"),
        "truncated ELF": broken(one(), [("hello", hello[:len(hello) // 3])], "hello"),
        "ELF header only": broken(one(), [("hello", hello[:52])], "hello"),
        "empty kernel": broken(one(), [("hello", b"")], "hello"),
        "noise": broken(one(), [("hello", bytes(range(256)) * 64)], "hello"),
        "no SVM": broken(one(), good, "SVM", cpu="max,-svm"),
        "out of page pool": broken(one(), good, "larger pool=", options="pool=6"),
        "no nested paging": broken(one(paging="npt"), good, "use auto or shadow", cpu="max,-npt"),
        "nested paging forbidden": broken(one(paging="npt"), good, "use auto or shadow",
                                          options="npt=off"),
    }


def logged(qemu):
    """The errors in the log."""
    return [r["line"] for r in qemu.json("log") if r["level"] == "error"]


@pytest.mark.parametrize("name", list(cases()))
def test_one_sentence_and_a_shell(boot, name):
    """The sentence is in the log, no other error is, and the shell answers."""
    ini, files, sentence, hardware = cases()[name]
    with boot(ini, files, smp=1, **hardware) as qemu:
        qemu.shell()
        qemu.quiet()
        errors = logged(qemu)
        assert len(errors) == 1, errors
        assert sentence in errors[0]
        assert "vm list" in qemu.run("help vm")


def test_firmware_that_switched_nx_off(boot):
    """Setting EFER.NXE would be a fault before anybody could handle one."""
    with boot(one(), [("hello", read(f"{GUEST}/hello"))], smp=1, cpu="max,-nx") as qemu:
        qemu.serial.expect("Execute Disable")


def test_a_mistake_leaves_other_machines_alone(boot):
    """One machine lacks its file; the other starts."""
    ini = one(kernel="nowhere") + one().replace("[vm t]", "[vm good]")
    with boot(ini, [("hello", read(f"{GUEST}/hello"))], smp=1) as qemu:
        qemu.serial.expect("done: ")
        qemu.to_shell()
        assert qemu.vm_state("t") == "off"
        assert ["nowhere" in line for line in logged(qemu)] == [True]
