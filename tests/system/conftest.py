# SPDX-License-Identifier: BSD-2-Clause
"""What the whole-image tests share: machines built from a text, and Linux on a serial line.

Every test has its own time limit: pytest's (`timeout`), and the emulator's own behind it.
"""

import os
import re
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
for folder in ("tests", "tests/system", "boot/grub"):
    sys.path.insert(0, os.path.join(TOP, folder))
import iso  # noqa: E402
import kept  # noqa: E402
import linux  # noqa: E402
import machine  # noqa: E402

TEST_SECONDS = 120


def pytest_addoption(parser):
    """What `make test-all` gives, to be resumable."""
    parser.addoption("--keep", help="file of results; what it has from before is not run again")


def pytest_configure(config):
    """Names of our marks; results of before."""
    config.addinivalue_line("markers", "long: takes minutes; only `make test-all` runs it")
    config.pluginmanager.register(Keeper(config))


class Keeper:
    """Keeps the reports of tests, and shows kept ones instead of running the test."""

    def __init__(self, config):
        tests = sorted(f"{HERE}/{name}" for name in os.listdir(HERE) if name.endswith(".py"))
        self.config = config
        self.key = kept.digest(*tests)
        self.kept = kept.Kept(config.getoption("keep"), f"{machine.BUILD}/umbra")
        self.reports = {}

    def pytest_runtest_protocol(self, item):
        """Show the reports of before."""
        old = self.kept.get(f"{self.key} {item.nodeid}")
        for data in old or ():
            report = self.config.hook.pytest_report_from_serializable(config=self.config, data=data)
            item.ihook.pytest_runtest_logreport(report=report)
        return True if old else None

    def pytest_runtest_logreport(self, report):
        """Keep the reports of a test that has ended and did not fail."""
        mine = self.reports.setdefault(report.nodeid, [])
        mine.append(report)
        if report.when == "teardown" and not any(r.failed for r in mine):
            self.kept.put(f"{self.key} {report.nodeid}", [
                self.config.hook.pytest_report_to_serializable(config=self.config, report=r)
                for r in mine])


def pytest_collection_modifyitems(items):
    """The limit of tests that name none."""
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_SECONDS, method="signal"))


@pytest.fixture(name="boot")
def fixture_boot(request, tmp_path):
    """boot(ini, files, options, **hardware): Umbra with these machines, as a context manager.

    ini is the text of the INI module (None: no such module); files are (name, path or bytes) of
    the other modules; host is a machine of matrix.py if not QEMU with all options; hardware are
    arguments of its class.
    """
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    booted = 0

    def boot(ini=linux.INI, files=linux.FILES, options="", host=None, **hardware):
        nonlocal booted
        booted += 1
        modules = []
        for file, content in ([] if ini is None else [("machine.ini", ini.encode())]) + [*files]:
            path = content
            if isinstance(content, bytes):
                path = str(tmp_path / file)
                with open(path, "wb") as f:
                    f.write(content)
            modules.append((file, path))
        out = str(tmp_path / "umbra.iso")
        own = host.options if host else ""
        iso.make_iso(out, f"{machine.BUILD}/umbra", modules, f"{own} {options}")
        hardware.setdefault("limit", TEST_SECONDS)
        log = f"{machine.BUILD}/results/system/{name}-{booted}.log"
        return (host.umbra if host else machine.Umbra)(out, log=log, **hardware)

    return boot
