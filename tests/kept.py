# SPDX-License-Identifier: BSD-2-Clause
"""Results that need not be found out again: `make test-all` can be stopped and called again.

They belong to one image: another one begins anew. A failure is not kept; it is tried again.
"""

import hashlib
import json
import os
import threading


def digest(*parts):
    """A name for the contents of files (paths that exist) and for texts."""
    h = hashlib.sha256()
    for part in parts:
        if os.path.isfile(part):
            with open(part, "rb") as f:
                h.update(f.read())
        h.update(part.encode() + b"\0")
    return h.hexdigest()


class Kept:
    """A file of results: JSON values by name. No path: nothing is kept."""

    def __init__(self, path, image):
        self.path = path
        self.image = digest(image)
        self.results = {}
        self.lock = threading.Lock()
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                old = json.load(f)
            if old["image"] == self.image:
                self.results = old["results"]

    def get(self, name):
        """The result of that name, or None."""
        return self.results.get(name)

    def put(self, name, result):
        """Keep it; at once, since nobody knows when we are stopped."""
        if not self.path:
            return
        with self.lock:
            self.results[name] = result
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(f"{self.path}.new", "w", encoding="utf-8") as f:
                json.dump({"image": self.image, "results": self.results}, f)
            os.replace(f"{self.path}.new", self.path)
