# SPDX-License-Identifier: BSD-2-Clause
"""The axes of the test matrix: machines, and the kinds of paging that guests have on each.

What runs on them is elsewhere: RUNS of tests/guests/run.py (programs, with virtual CPUs on CPUs),
KERNELS of tests/system/test_kernels.py. Rows for `make test` are chosen there; `make test-all` runs
all of them.
"""

from dataclasses import dataclass

import bochs
import machine

PAGINGS = ("nested", "shadow")


@dataclass(frozen=True)
class Machine:
    """An emulator with a CPU model."""

    name: str
    emulator: str        # qemu, bochs
    cpu: str             # the emulator's name for the model
    nested: str = "npt"  # machine.ini's word for its nested paging; "": it has none
    options: str = ""    # of Umbra

    def __str__(self):
        return self.name

    @property
    def backend(self):
        """svm or vmx."""
        return self.name.split("-")[1]

    @property
    def pagings(self):
        """The kinds of paging that guests can have here."""
        return PAGINGS if self.nested else ("shadow",)

    def word(self, paging):
        """What machine.ini calls a kind of paging here."""
        return self.nested if paging == "nested" else paging

    def umbra(self, path, parallel=False, **hardware):
        """The machine with an ISO of Umbra; hardware are arguments of its class."""
        hardware.setdefault("mem", "512M")
        if self.emulator == "bochs":
            return bochs.Umbra(path, cpu=self.cpu, **hardware)
        return machine.Umbra(path, cpu=self.cpu, parallel=parallel, **hardware)


MACHINES = {m.name: m for m in (
    Machine("qemu-svm", "qemu", "max"),
    Machine("bochs-svm", "bochs", "ryzen"),  # next-RIP save, flush by ASID
    Machine("bochs-svm-phenom", "bochs", "phenom_8650_toliman"),  # nested paging alone
    Machine("bochs-svm-turion", "bochs", "turion64_tyler", ""),  # not even that
    Machine("bochs-vmx", "bochs", "corei7_icelake_u", "ept"),
    # no MTF, no VMFUNC; no 1G pages, no A and D bits in EPT; no unrestricted guest; no EPT
    Machine("bochs-vmx-haswell", "bochs", "corei7_haswell_4770", "ept"),
    Machine("bochs-vmx-ivy", "bochs", "corei7_ivy_bridge_3770k", "ept"),
    Machine("bochs-vmx-lynnfield", "bochs", "corei5_lynnfield_750", ""),
    Machine("bochs-vmx-penryn", "bochs", "core2_penryn_t9600", ""),
    # all that newer CPUs have but that; neither EPT nor VPID
    Machine("bochs-vmx-restricted", "bochs", "corei7_icelake_u", "", "ug=off"),
    Machine("bochs-vmx-plain", "bochs", "corei7_icelake_u", "", "ept=off vpid=off"),
)}

# What an emulator cannot do: beginning of names above, where, programs or rows, why. They are
# skipped.
ERRATA = (
    ("bochs", ("bare",), ("hostile_svm", "hostile_io", "hostile_code", "hostile_ends"),
     "the bare machine does what it is told"),
    ("bochs", ("bare",), ("reset",), "Bochs ends at a triple fault"),
    ("bochs-svm-turion", ("bare",), ("cpuid",), "the model has no leaf above 1"),
    ("bochs-svm", ("nested", "shadow"), ("reset", "hostile_ends-1on1-triple_fault_loop"),
     "Bochs ends at a triple fault"),
    ("bochs-vmx-penryn", ("shadow",),
     ("smp-2on1", "pg_smp64-4on2-four_level", "pg_smp32-4on2-pae"),
     "Bochs ends no guest for an interrupt while its IF is 0, and the model has no other timer: "
     "one that loops without exits keeps its CPU from the other virtual CPUs"),
)


def erratum(host, where, program, row):
    """Why a row of a program cannot run there, or ""."""
    return next((why for k, places, programs, why in ERRATA
                 if host.name.startswith(k) and where in places
                 and (program in programs or row in programs)), "")
