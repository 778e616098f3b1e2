#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Umbra's shell from the far end of the serial line: as a module for scripts, or as a command.

    with Shell.open("/path/to/serial.sock") as sh:      # Unix socket, pty or tty, or host:port
        print(sh.text("vm list"))
        for slot in sh.json("mmu slots linux"):
            print(slot["gpa"], slot["kind"])

    hvsh.py serial.sock vm list        hvsh.py -j serial.sock mmu slots linux
"""

import argparse
import json
import os
import re
import select
import socket
import stat
import sys
import termios
import time
import tty

PROMPT = re.compile(rb"(?:^|[\r\n])umbra> $")
LOG_LINE = re.compile(r"^\[ *\d+\.\d{6}\] (?!error |warn |info |debug )")  # not what `log` prints
ESCAPE = b"\x1d"  # Ctrl-]
CANCEL = b"\x03"
ERASE_LINE = b"\x05\x15"  # to the end, then cut everything before


class ShellError(Exception):
    """A command answered with an error, or the line stayed silent."""


def open_line(path):
    """A file descriptor for a Unix socket, a terminal device, or host:port."""
    if os.path.exists(path) and not stat.S_ISSOCK(os.stat(path).st_mode):
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        if os.isatty(fd):
            tty.setraw(fd, termios.TCSANOW)
        return fd
    if os.path.exists(path):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
    else:
        host, _, port = path.rpartition(":")
        s = socket.create_connection((host, int(port)))
    return s.detach()


class Shell:
    """The shell behind a file descriptor, which this object owns."""

    def __init__(self, fd, escape=ESCAPE):
        self.fd = fd
        self.escape = escape
        self.log = []  # lines of the log that came between the shell's own
        self.serial = 0

    @classmethod
    def open(cls, path, **kw):
        """Connect and take the line."""
        sh = cls(open_line(path), **kw)
        sh.take_line()
        return sh

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def _send(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def _read(self, done, timeout):
        """Read until done(bytes so far) is true; return the bytes."""
        data, end = b"", time.monotonic() + timeout
        while not done(data):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise ShellError(f"no answer within {timeout} s; last bytes: {data[-200:]!r}")
            more = os.read(self.fd, 65536)
            if not more:
                raise ShellError("the line was closed")
            data += more
        return data

    def take_line(self, timeout=10):
        """Make sure that the shell has the line, not the console of a guest."""
        try:
            self._send(b"\r")
            self._read(PROMPT.search, 1)
            return
        except ShellError:
            pass
        self._send(self.escape)
        self._read(PROMPT.search, timeout)

    def text(self, command, timeout=30):
        """Run a command; return what it printed."""
        self.serial += 1
        tag = f"# {self.serial}"
        end = tag.encode() + b"\r\n"
        self._send(ERASE_LINE + f"{command} {tag}\r".encode())
        data = self._read(lambda d: end in d and PROMPT.search(d[d.index(end) + len(tag):]),
                          timeout)
        body = data[data.index(end) + len(end):].decode("utf-8", "replace").replace("\r\n", "\n")
        lines = re.sub(r"umbra> $", "", body).split("\n")
        lines = [line.split("\r")[-1] for line in lines]
        self.log += [line for line in lines if LOG_LINE.match(line)]
        return "\n".join(line for line in lines if not LOG_LINE.match(line))

    def json(self, command, timeout=30):
        """Run a command with -j; return its records. An error record raises ShellError."""
        lines = self.text(f"{command} -j", timeout).split("\n")
        records = [json.loads(line) for line in lines if line.startswith("{")]
        # Of records with other fields it is one more: a page fault's error code.
        errors = [r["error"] for r in records if list(r) == ["error"]]
        if errors:
            raise ShellError(errors[0])
        return records


def main():
    """Run one command from the command line."""
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("-j", "--json", action="store_true", help="JSON, one object per line")
    ap.add_argument("-t", "--timeout", type=float, default=30)
    ap.add_argument("line", help="Unix socket, terminal device, or host:port")
    ap.add_argument("command", nargs="+")
    args = ap.parse_args()
    try:
        with Shell.open(args.line) as sh:
            command = " ".join(args.command)
            if args.json:
                for record in sh.json(command, args.timeout):
                    print(json.dumps(record))
            else:
                print(sh.text(command, args.timeout), end="")
    except (ShellError, OSError) as e:
        sys.exit(f"hvsh: {e}")


if __name__ == "__main__":
    main()
