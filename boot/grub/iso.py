# SPDX-License-Identifier: BSD-2-Clause
"""Makes a bootable ISO: Umbra, an INI file of virtual machines, and the files that it names.

The ISO boots by BIOS and by UEFI, from a CD or written to a disk. The same input gives the same
bytes: dates, identifiers and the order of files are fixed.
"""

import argparse
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

EPOCH = "946684800"  # every date in the ISO: 2000-01-01
VOLUME_DATE = "2000010100000000"
GRUB_MODULES = "normal {loader} iso9660 serial terminal"
# GRUB's commands for an image, which are names of its modules too, with those for the files beside.
MODULE_LINES = {
    "multiboot2": "module2 /boot/{0} {0}",
    "multiboot": "module /boot/{0} {0}",
    "linux": "initrd /boot/{0}",
}
FILE_KEYS = ("kernel", "initrd")

GRUB_CFG = """serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
menuentry Umbra {{
	{loader} /boot/umbra {options}
{modules}
}}
"""


def fail(sentence):
    """End with one sentence for the user."""
    sys.exit(f"iso: {sentence}")


def ini_values(path):
    """The (line number, key, value) triples of an INI file; the syntax of lib/ini.h."""
    with open(path, encoding="utf-8", errors="replace") as f:
        for number, line in enumerate(f, 1):
            line = re.sub(r'("[^"]*")|(^|\s)[;#].*', lambda m: m[1] or "", line).strip()
            if "=" in line and not line.startswith("["):
                key, value = (x.strip() for x in line.split("=", 1))
                yield number, key, value.strip('"')


def machine_modules(ini):
    """The modules that an INI file needs, as (name, path): itself, then the files beside it."""
    if not os.path.isfile(ini):
        fail(f"{ini}: there is no such file")
    modules = {"machine.ini": ini}
    for number, key, name in ini_values(ini):
        if key not in FILE_KEYS:
            continue
        path = os.path.join(os.path.dirname(ini), name)
        if os.path.basename(name) != name or not name:
            fail(f"{ini}:{number}: {key} = {name}: must be the name of a file beside the INI file")
        if not os.path.isfile(path):
            fail(f"{ini}:{number}: {key} = {name}: there is no such file beside the INI file")
        modules[name] = path
    return list(modules.items())


def fixed_mformat(folder):
    """An mformat in folder that gives every FAT the same serial number; grub-mkrescue finds it."""
    path = os.path.join(folder, "mformat")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f'#!/bin/sh\nexec {shutil.which("mformat")} -N 0 "$@"\n')
    os.chmod(path, stat.S_IRWXU)


def make_iso(out, umbra, modules, options="", loader="multiboot2"):
    """Write the ISO. modules: (name, path) pairs, given to Umbra in this order.

    Another loader than Umbra's starts another image from the same ISO.
    """
    with tempfile.TemporaryDirectory(prefix="iso") as tmp:
        boot = os.path.join(tmp, "tree", "boot")
        os.makedirs(os.path.join(boot, "grub"))
        shutil.copy(umbra, os.path.join(boot, "umbra"))
        for name, path in modules:
            shutil.copy(path, os.path.join(boot, name))
        lines = "\n".join(f"\t{MODULE_LINES[loader].format(name)}" for name, _ in modules)
        with open(os.path.join(boot, "grub", "grub.cfg"), "w", encoding="utf-8") as f:
            f.write(GRUB_CFG.format(loader=loader, options=options, modules=lines))
        for folder, _, names in os.walk(tmp):
            for path in [os.path.join(folder, n) for n in names] + [folder]:
                os.utime(path, (int(EPOCH), int(EPOCH)))
        fixed_mformat(tmp)
        env = dict(os.environ, SOURCE_DATE_EPOCH=EPOCH, TZ="UTC", MTOOLS_SKIP_CHECK="1",
                   PATH=f"{tmp}:{os.environ['PATH']}")
        made = subprocess.run(
            ["grub-mkrescue", "--fonts=", "--themes=", "--locales=", "--compress=no",
             f"--install-modules={GRUB_MODULES.format(loader=loader)}",
             "-o", out, os.path.join(tmp, "tree"), "--",
             "-volume_date", "uuid", VOLUME_DATE, "-volume_date", "all_file_dates", f"={EPOCH}"],
            env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if made.returncode:
        fail(f"grub-mkrescue could not write {out}:\n{made.stdout}")


def main():
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("--umbra", required=True, help="the hypervisor image")
    ap.add_argument("--options", default="", help="its command line")
    ap.add_argument("--out", required=True, help="ISO file to write")
    ap.add_argument("ini", help="description of the machines; the files it names lie beside it")
    args = ap.parse_args()
    make_iso(args.out, args.umbra, machine_modules(args.ini), args.options)


if __name__ == "__main__":
    main()
