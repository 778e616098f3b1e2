#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The far end of the serial wire: hvsh.py against a shell played by a thread, and the trace
converter."""

import os
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "shell", "host"))
# pylint: disable=wrong-import-position
import hvsh
import trace2perfetto

PROMPT = b"umbra> "
NEWS = b"\r          \r[    1.234567] vm linux: news\r\n"
ANSWERS = {
    "vm list": b"name  state\r\nlinux running\r\n",
    "vm list -j": b'{"name": "linux"}\r\n' + NEWS + b'{"name": "other"}\r\n',
    "trace dump -j": b'{"event": "mmu_fault", "error": "0x3"}\r\n',
    "fro -j": b'{"error": "no such command: fro; try help"}\r\n',
}


def play(line, guest):
    """A shell that echoes; a guest has the line at first if guest is true."""
    with line:
        answer(line, guest)


def answer(line, guest):
    """Until the other end closes the line."""
    typed, last = b"", 0
    while byte := line.recv(1):
        if guest:
            guest = byte != hvsh.ESCAPE
            line.sendall(b"" if guest else b"\r\n[shell]\r\n" + PROMPT)
        elif byte == b"\r":
            command = typed.decode().split("#")[0].strip()
            # a line of the log while somebody types: the prompt moves below it
            last += 1
            line.sendall(NEWS + PROMPT + typed if last % 2 else b"")
            line.sendall(b"\r\n" + ANSWERS.get(command, b"") + PROMPT)
            typed = b""
        elif byte >= b" ":
            typed += byte
            line.sendall(byte)


class HvshTest(unittest.TestCase):
    """Commands over a socket pair."""

    def start(self, guest=False):
        """A Shell whose other end is played."""
        ours, theirs = socket.socketpair()
        threading.Thread(target=play, args=(theirs, guest), daemon=True).start()
        sh = hvsh.Shell(ours.detach())
        sh.take_line()
        self.addCleanup(os.close, sh.fd)
        return sh

    def test_text_is_what_the_command_printed(self):
        sh = self.start()
        for _ in range(4):
            self.assertEqual(sh.text("vm list"), "name  state\nlinux running\n")
        self.assertEqual(sh.text("nothing"), "")

    def test_json_gives_records_without_the_log(self):
        sh = self.start()
        self.assertEqual(sh.json("vm list"), [{"name": "linux"}, {"name": "other"}])
        self.assertEqual(sh.log, ["[    1.234567] vm linux: news"])

    def test_field_named_error_is_none(self):
        self.assertEqual(self.start().json("trace dump")[0]["error"], "0x3")

    def test_error_record_is_an_exception(self):
        with self.assertRaisesRegex(hvsh.ShellError, "no such command: fro"):
            self.start().json("fro")

    def test_line_is_taken_from_a_guest(self):
        self.assertEqual(self.start(guest=True).text("vm list").split("\n")[0], "name  state")

    def test_silence_is_an_exception(self):
        ours, theirs = socket.socketpair()
        with self.assertRaisesRegex(hvsh.ShellError, "no answer"):
            hvsh.Shell(ours.fileno()).text("vm list", timeout=0.1)
        ours.close()
        theirs.close()


def exit_at(ns, vcpu, reason):
    """A record of trace dump -j."""
    return {"ns": ns, "cpu": 0, "event": "exit", "vcpu": vcpu, "reason": reason, "rip": "0x1"}


def enter_at(ns, vcpu):
    """The same for an entry."""
    return {"ns": ns, "cpu": 0, "event": "enter", "vcpu": vcpu, "reason": "hlt", "rip": "0x1"}


class PerfettoTest(unittest.TestCase):
    """From records to trace events."""

    def test_time_is_split_between_guest_and_hypervisor(self):
        events = trace2perfetto.convert([
            enter_at(1000, 0x101), exit_at(3000, 0x101, "cpuid"), enter_at(3500, 0x101),
            exit_at(3600, 2, "hlt")])
        slices = [(e["name"], e["pid"], e["tid"], e["ts"], e["dur"])
                  for e in events if e["ph"] == "X"]
        self.assertEqual(slices, [("guest", 1, 1, 1.0, 2.0), ("cpuid", 1, 1, 3.0, 0.5)])
        names = {e["args"]["name"] for e in events if e["ph"] == "M"}
        self.assertEqual(names, {"machine 0", "machine 1", "vCPU 1", "vCPU 2"})

    def test_other_events_are_marks(self):
        events = trace2perfetto.convert([
            {"ns": 7, "cpu": 3, "event": "mmu_fault", "gpa": "0x0"},
            {"text": "1 records were overwritten meanwhile"}])
        marks = [(e["name"], e["pid"], e["tid"]) for e in events if e["ph"] == "i"]
        self.assertEqual(marks, [("mmu_fault", trace2perfetto.HOST, 3)])


if __name__ == "__main__":
    unittest.main()
