# SPDX-License-Identifier: BSD-2-Clause
"""What all lint checks share: the files of a source tree, and how a check is declared."""

import os
from dataclasses import dataclass, field

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SKIPPED_DIRS = {".git", "build", "__pycache__", ".pytest_cache"}

# The folders whose code goes into the image.
IMAGE_DIRS = ("lib", "arch", "drivers", "mmu", "vm", "vmx", "svm", "shell", "boot")


@dataclass
class Check:
    """A rule. run(tree) returns one sentence for each violation.

    The plants prove that the check works: each maps file names to contents that break the rule once
    or more; clean is a tree that does not.
    """

    name: str
    run: callable
    plants: list = field(default_factory=list)
    clean: dict = field(default_factory=dict)


class Tree:
    """The files under a folder, by path relative to it."""

    def __init__(self, root=TOP):
        self.root = root
        self.paths = []
        for folder, dirs, names in os.walk(root):
            dirs[:] = sorted(d for d in dirs if d not in SKIPPED_DIRS)
            rel = os.path.relpath(folder, root)
            self.paths += [os.path.normpath(os.path.join(rel, n)) for n in sorted(names)]

    def files(self, *suffixes):
        """Paths that end in one of the suffixes."""
        return [p for p in self.paths if p.endswith(suffixes)]

    def image_files(self, *suffixes):
        """The same, of the image's own code: not newlib's, not the Python end of the shell."""
        return [p for p in self.files(*suffixes)
                if p.split(os.sep)[0] in IMAGE_DIRS and not p.startswith("lib/newlib/")]

    def full(self, path):
        """Absolute form of a path."""
        return os.path.join(self.root, path)

    def text(self, path):
        """Contents of a file; bytes that are no UTF-8 become replacement characters."""
        with open(self.full(path), encoding="utf-8", errors="replace", newline="") as f:
            return f.read()

    def lines(self, path):
        """Numbered lines of a file."""
        return enumerate(self.text(path).split("\n"), 1)

    def scripts(self, word):
        """Files without a suffix whose first line names the interpreter."""
        return [p for p in self.paths if "." not in os.path.basename(p)
                and self.text(p).startswith("#!") and word in self.text(p).split("\n")[0]]
