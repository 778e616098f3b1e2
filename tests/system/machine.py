# SPDX-License-Identifier: BSD-2-Clause
"""A machine under test: an emulator with its serial line, and Umbra's shell on that line.

Every emulator gets a time limit and ends with the test. EMULATOR_PREFIX may name a command to put
before each emulator, such as a queue for a shared machine.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pexpect
import pexpect.fdpexpect

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../shell/host"))
import hvsh  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
OVMF = "/usr/share/ovmf/OVMF.fd"
DEBUG_EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
ESCAPE = "\x1d"  # Ctrl-], Umbra's escape key
PROMPT = r"umbra> "
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[78=>]")
# What a guest wrote while it had the line, and lines of the hypervisor in between.
CONSOLE = re.compile(r"^\[console of [^\n]*\n(.*?)(?:\n\[shell|\Z)", re.DOTALL | re.MULTILINE)
LOG_LINE = re.compile(r"^\[ *\d+\.\d{6}\] [^\n]*\n", re.MULTILINE)
REPLAY = 1024  # bytes seen before, at most, that a console shows again when it gets the line


class Transcript:
    """What came over the serial line so far; also written to a file if there is a path."""

    def __init__(self, path):
        self.text = ""
        if path:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        self.file = open(path, "w", encoding="utf-8") if path else None

    def plain(self):
        """The text without escape sequences and carriage returns."""
        return ANSI.sub("", self.text).replace("\r", "")

    def write(self, text):
        """For pexpect."""
        self.text += text
        if self.file:
            self.file.write(text)

    def flush(self):
        """For pexpect."""
        if self.file:
            self.file.flush()

    def close(self):
        """Close the file."""
        if self.file:
            self.file.close()


class EmulatorError(Exception):
    """The emulator itself did not do its part."""


def end_with_us(signum, _):
    """The signal ends us, and first all emulators that we have started, in whatever thread."""
    for emulator in list(Emulator.alive):
        emulator.end()
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)


class Emulator:
    """One process of an emulator. Use as a context manager; `serial` is a pexpect object.

    What starts it is up to the subclasses: `command`, begun in `dir`, and _connect_lines().
    """

    NAME = ""
    alive = set()

    def __init__(self, limit, log):
        self.dir = tempfile.mkdtemp(prefix=f"umbra-{self.NAME}")
        self.log = Transcript(log)
        self.proc = None
        self.serial = None
        self.prefix = shlex.split(os.environ.get("EMULATOR_PREFIX", "")) + [
            "timeout", "--signal=KILL", str(limit)]
        self.command = []

    def __enter__(self):
        with open(f"{self.dir}/stderr", "wb") as err:
            self.proc = subprocess.Popen([*self.prefix, *self.command], stdin=subprocess.DEVNULL,
                                         stdout=err, stderr=err, cwd=self._work_dir(),
                                         start_new_session=True)
        self.alive.add(self)
        try:
            self._connect_lines()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.end()
        self.log.close()

    def end(self):
        """End the process and remove what it has left."""
        if self.proc.poll() is None:
            os.killpg(self.proc.pid, signal.SIGKILL)
        self.proc.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.alive.discard(self)

    def _work_dir(self):
        """The folder that the emulator is started in; None: ours."""

    def _connect_lines(self):
        """Connect to the emulator, the serial line by _take_line(), and let it run."""
        raise NotImplementedError

    def _take_line(self, line):
        """Make `serial` of a connected socket."""
        self.serial = pexpect.fdpexpect.fdspawn(line, timeout=30, encoding="utf-8",
                                                codec_errors="replace", maxread=65536)
        self.serial.delaybeforesend = None
        self.serial.socket = line  # keeps it open
        self.serial.logfile_read = self.log

    def _until(self, attempt):
        """The first result of attempt() that is not None. The emulator may have to wait for its
        turn in a queue."""
        end = time.monotonic() + 600
        while time.monotonic() < end:
            result = attempt()
            if result is not None:
                return result
            if self.proc.poll() is not None:
                break
            time.sleep(0.02)
        with open(f"{self.dir}/stderr", encoding="utf-8", errors="replace") as f:
            raise EmulatorError(f"{self.NAME} did not start: {f.read().strip()[-2000:]}")

    def quiet(self, seconds=0.3, limit=10):
        """Read until nothing came for that long."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            try:
                self.serial.read_nonblocking(65536, timeout=seconds)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return

    def wait(self, seconds):
        """Wait for the emulator to end; return its exit status, or None if it still runs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:  # reading keeps the log complete and the guest's output flowing
                self.serial.read_nonblocking(65536, timeout=0.1)
            except (pexpect.TIMEOUT, pexpect.EOF, OSError):
                pass
            if self.proc.poll() is not None:
                return self.proc.returncode
        return None


if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, end_with_us)


class Qemu(Emulator):
    """One QEMU process, with its monitor.

    parallel: a thread for each CPU. Not with Linux: QEMU then resets machines (docs/limits.md).
    """

    NAME = "qemu"

    def __init__(self, args, limit=60, log=None, icount=False, parallel=False):
        super().__init__(limit, log)
        self.monitor = None
        accel = ["-accel", "tcg,thread=multi" if parallel else "tcg,thread=single"]
        if icount:
            accel += ["-icount", "shift=0,sleep=off"]
        self.command = [
            "qemu-system-x86_64", *accel,
            "-nodefaults", "-display", "none", "-vga", "none", "-S",
            "-serial", f"unix:{self.dir}/serial,server=on,wait=off",
            "-qmp", f"unix:{self.dir}/qmp,server=on,wait=off", *args]

    def _connect_lines(self):
        line = self._connect("serial")
        self.monitor = self._connect("qmp").makefile("rw", encoding="utf-8", newline="\n")
        self._reply()  # greeting
        self.qmp("qmp_capabilities")
        self._take_line(line)
        self.qmp("cont")

    def _connect(self, name):
        def attempt():
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(f"{self.dir}/{name}")
                return s
            except OSError:
                s.close()
                return None
        return self._until(attempt)

    def _reply(self):
        while True:
            line = self.monitor.readline()
            if not line:
                raise EmulatorError("QEMU closed its monitor")
            reply = json.loads(line)
            if "event" not in reply:
                return reply

    def qmp(self, command, **arguments):
        """Run a QMP command; return its result."""
        self.monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.monitor.flush()
        reply = self._reply()
        if "error" in reply:
            raise EmulatorError(f"{command}: {reply['error']['desc']}")
        return reply["return"]

    def hmp(self, line):
        """Run a command of the human monitor; return its text."""
        return self.qmp("human-monitor-command", **{"command-line": line})


class Typist(hvsh.Shell):
    """The shell from its far end, with a log of what it said. The line's owner closes it."""

    def __init__(self, fd, log):
        super().__init__(fd)
        self.file = log

    def _read(self, done, timeout):
        data = super()._read(done, timeout)
        if self.file:
            self.file.write(data.decode("utf-8", "replace"))
        return data


class Console:
    """Umbra on an emulator's serial line: its shell, and the consoles of its guests."""

    typist = None

    def shell(self, timeout=40):
        """Wait for the prompt of the shell, which nobody has used yet or which a command left."""
        self.serial.expect(PROMPT, timeout=timeout)

    def to_shell(self):
        """Take the line for the shell, whoever has it."""
        self.quiet()
        while self.log.text.rfind("[console of") > self.log.text.rfind("[shell"):
            self.serial.send(ESCAPE)
            self.serial.expect(r"\[shell[^\n]*\n", timeout=20)
            self.quiet()  # a guest that ended just then gave the line back, and the key took it
        self.serial.send("\r")
        self.shell(timeout=20)
        self.quiet()
        self.serial.buffer = ""

    def guest_text(self):
        """What the guest wrote while it had the line, and nothing of it twice."""
        text = ""
        for piece in CONSOLE.findall(LOG_LINE.sub("", self.log.plain())):
            again = min(len(text), len(piece), REPLAY)
            while not text.endswith(piece[:again]):
                again -= 1
            text += piece[again:]
        return text

    def run(self, command, timeout=20):
        """Type a command at the prompt; return what it printed, without the echo and the log."""
        return self._typist().text(command, timeout)

    def json(self, command, timeout=20):
        """The objects that a command prints with -j; a mistake raises hvsh.ShellError."""
        return self._typist().json(command, timeout)

    def _typist(self):
        """A shell on our line, which takes over from `serial`: what that has read is old."""
        self.serial.buffer = ""
        if self.typist is None:
            self.typist = Typist(self.serial.fileno(), self.serial.logfile_read)
        return self.typist

    def vm_state(self, name):
        """The state of a VM, as `vm list` says."""
        return {r["name"]: r["state"] for r in self.json("vm list")}[name]

    def console(self, name):
        """Give the line to a guest."""
        self.serial.send(f"vm console {name}\r")
        self.serial.expect(rf"\[console of {name};[^\]]*\]+\S* returns to the shell\]")


class Umbra(Console, Qemu):
    """QEMU that boots Umbra from an ISO."""

    def __init__(self, iso, smp=2, mem="1G", cpu="max", ovmf=False, extra=(), **kw):
        args = ["-cpu", cpu, "-smp", str(smp), "-m", mem, "-cdrom", iso, *DEBUG_EXIT, *extra]
        super().__init__((["-bios", OVMF] if ovmf else []) + args, **kw)
