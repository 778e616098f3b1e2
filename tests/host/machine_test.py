#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The test runner's emulators, played by `sleep`: none outlives who started it."""

import os
import signal
import subprocess
import sys
import time
import unittest

SYSTEM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system")
RUNNER = f"""
import sys, time
sys.path.insert(0, {SYSTEM!r})
import machine

class Sleep(machine.Emulator):
    NAME = "sleep"
    def _connect_lines(self):
        print(self.proc.pid, self.dir, flush=True)

emulator = Sleep(60, None)
emulator.command = ["sleep", "60"]
with emulator:
    time.sleep(60)
"""


def lives(pid):
    """Is there a process of this group?"""
    try:
        os.killpg(pid, 0)
        return True
    except ProcessLookupError:
        return False


class TestEnd(unittest.TestCase):
    """The runner ends in the middle."""

    def ends(self, how):
        """A signal ends the runner, its emulator, and what it keeps on disk."""
        with subprocess.Popen([sys.executable, "-c", RUNNER], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as runner:
            pid, folder = runner.stdout.readline().split()
            self.assertTrue(lives(int(pid)))
            runner.send_signal(how)
            self.assertNotEqual(runner.wait(timeout=20), 0)
        end = time.monotonic() + 10
        while lives(int(pid)) and time.monotonic() < end:
            time.sleep(0.05)
        left = lives(int(pid))
        if left:
            os.killpg(int(pid), signal.SIGKILL)
        self.assertFalse(left, "the emulator goes on")
        self.assertFalse(os.path.exists(folder))

    def test_interrupted(self):
        self.ends(signal.SIGINT)

    def test_terminated(self):
        self.ends(signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
