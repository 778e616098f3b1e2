# SPDX-License-Identifier: BSD-2-Clause
"""Bochs as a machine under test: it has VMX with EPT, and SVM with options that QEMU lacks.

	bochs.py IMAGE.iso [--cpu ryzen] [--smp 1] [--memory 512]

runs an image with the serial line on the terminal; the keys ctrl-a x end it (`make run`).
"""

import argparse
import os
import select
import shutil
import socket
import sys
import termios
import tty

import machine

BIOS = "/usr/share/bochs/BIOS-bochs-latest"
VGA_BIOS = "/usr/share/vgabios/vgabios.bin"
TICKS = 100_000_000  # executed instructions in a second of the devices' time

# Names are relative and short: a path of the configuration beyond 500 characters ends Bochs with
# "buffer overflow detected". It is built with its debugger, which has to be told to begin (rc).
# Nobody connects to the screen.
CONFIG = """config_interface: textconfig
display_library: rfb, options="timeout=0"
cpu: model={cpu}, count={smp}, ips={ticks}, reset_on_triple_fault=0, ignore_bad_msrs={loose}
memory: guest={memory}, host={memory}
romimage: file={bios}, options=fastboot
vgaromimage: file={vga_bios}
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
{drive}
floppy_bootsig_check: disabled=1
log: -
panic: action=fatal
error: action={errors}
info: action={errors}
debug: action=ignore
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
clock: sync=none, time0=946684800, rtc_sync=0
mouse: enabled=0
speaker: enabled=0, mode=none
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
plugin_ctrl: unmapped=1
"""
CDROM = "ata0-master: type=cdrom, path={name}, status=inserted\nboot: cdrom"
DISK = "ata0-master: type=disk, path={name}, mode=flat, cylinders=0\nboot: disk"
CYLINDER = 16 * 63 * 512


def megabytes(memory):
    """MiB in words such as 512M and 1G."""
    return int(memory[:-1]) * {"M": 1, "G": 1024}[memory[-1]]


class Bochs(machine.Emulator):
    """One Bochs process that boots an ISO, or a disk.

    cpu: a model, as `bochs -help cpu` lists them. loose: unknown MSRs read 0 instead of #GP, which
    Linux needs when it runs bare. errors: keep Bochs' own log, which names each VM exit for a page
    and the reason of each VM entry that failed, beside the transcript.
    """

    NAME = "bochs"

    def __init__(self, image, cpu="ryzen", smp=1, mem="512M", limit=60, log=None, disk=False,
                 loose=False, errors=bool(os.environ.get("BOCHS_ERRORS"))):
        super().__init__(limit, log)
        self.own_log = f"{log}.bochs" if log and errors else None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.1)
        self._write("rc", "c\n")
        self._write("bochsrc", CONFIG.format(
            cpu=cpu, smp=smp, ticks=TICKS, loose=int(loose), memory=megabytes(mem), bios=BIOS,
            vga_bios=VGA_BIOS, drive=self._drive(image, disk),
            errors="report" if errors else "ignore", port=self.listener.getsockname()[1]))
        self.command = ["bochs", "-q", "-f", "bochsrc", "-rc", "rc"]

    def _drive(self, image, disk):
        """Bring the image to our folder and describe its drive."""
        path = f"{self.dir}/image"
        if not disk:
            os.symlink(os.path.abspath(image), path)
            return CDROM.format(name="image")
        shutil.copy(image, path)
        size = os.path.getsize(path)
        os.truncate(path, size + -size % CYLINDER)
        return DISK.format(name="image")

    def _write(self, name, text):
        with open(f"{self.dir}/{name}", "w", encoding="utf-8") as f:
            f.write(text)

    def _work_dir(self):
        return self.dir

    def _connect_lines(self):
        def attempt():
            try:
                return self.listener.accept()[0]
            except TimeoutError:
                return None
        line = self._until(attempt)
        line.settimeout(None)
        self._take_line(line)

    def __exit__(self, *_):
        self.listener.close()
        if self.own_log:
            shutil.copy(f"{self.dir}/stderr", self.own_log)
        super().__exit__()


class Umbra(machine.Console, Bochs):
    """Bochs that boots Umbra from an ISO."""


def to_terminal(line):
    """Join a serial line and this terminal until the keys ctrl-a x, or the end of either."""
    keys, prefixed = sys.stdin.fileno(), False
    old = termios.tcgetattr(keys) if os.isatty(keys) else None
    if old:
        tty.setraw(keys)
    try:
        while True:
            ready, _, _ = select.select([line, keys], [], [])
            if line in ready:
                data = line.recv(4096)
                if not data:
                    return
                os.write(sys.stdout.fileno(), data)
            if keys in ready:
                key = os.read(keys, 1)
                if not key or (prefixed and key == b"x"):
                    return
                prefixed = key == b"\x01" and not prefixed
                if not prefixed:
                    line.sendall(key)
    finally:
        if old:
            termios.tcsetattr(keys, termios.TCSADRAIN, old)


def main():
    """Command line."""
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("--cpu", default="ryzen", help="model (ryzen)")
    ap.add_argument("--smp", type=int, default=1, help="CPUs (1)")
    ap.add_argument("--memory", default="512M", help="512M")
    ap.add_argument("iso")
    args = ap.parse_args()
    with Bochs(args.iso, cpu=args.cpu, smp=args.smp, mem=args.memory, limit=86400) as bochs:
        to_terminal(bochs.serial.socket)


if __name__ == "__main__":
    main()
