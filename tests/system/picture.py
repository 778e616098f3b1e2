# SPDX-License-Identifier: BSD-2-Clause
"""Draws docs/umbra.svg: the demo machine boots, logs in, and the shell looks at it.

	picture.py UMBRA.iso OUT.svg

The text is what the serial line carried; only the middle of the guest's own boot log is left out,
which a line says.
"""

import html
import re
import sys
import tempfile

import machine

COLUMNS = 96
FONT, WIDTH, HEIGHT, MARGIN = 13, 7.83, 17, 16  # pixels; width of a character, height of a line
TYPED = re.compile(r"^(umbra> |root@\S+# )(.*)$")
COMMANDS = ("vm list", "mmu walk linux.0 gva rip x", "vcpu why linux.1", "top 1")
GUEST_LOG = re.compile(r"^\[ *\d+\.\d{6}\] ")


def capture(path):
    """Boot the ISO, work with it, and return all lines that appeared."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as log:
        with machine.Umbra(path, smp=2, limit=120, log=log.name) as qemu:
            qemu.serial.expect(r"root@\S+# ", timeout=90)
            for line in ("nproc", "stress 20 >/dev/null &"):
                qemu.serial.send(line + "\n")
                qemu.serial.expect(r"root@\S+# ")
            qemu.to_shell()
            for command in COMMANDS:
                qemu.run(command)
        text = machine.ANSI.sub("", log.read()).replace("\r", "")
    # The script's marks behind commands, and the prompt that it asked for.
    text = re.sub(r"^(umbra> .*?) # \d+$|^umbra> \n", r"\1", text, flags=re.MULTILINE)
    return text[text.index("[ "):].rstrip().splitlines()


def shorten(lines):
    """Leave out the middle of the guest's boot log, which starts at its version."""
    first = next(i for i, x in enumerate(lines) if "Linux version" in x)
    last = max(i for i, x in enumerate(lines) if GUEST_LOG.match(x))
    left_out = f"    ... {last - first - 3} more lines of Linux's log ..."
    return lines[:first + 2] + [left_out] + lines[last - 1:]


def folded(lines):
    """Lines as a terminal of COLUMNS shows them; no two empty ones in a row."""
    out = []
    for line in lines:
        if line or (out and out[-1]):
            out += [line[i:i + COLUMNS] for i in range(0, len(line), COLUMNS)] or [""]
    return out


def styled(line):
    """A line as SVG text; what a person typed stands out."""
    typed = TYPED.match(line)
    if typed:
        return (f'<tspan class="p">{html.escape(typed[1])}</tspan>'
                f'<tspan class="t">{html.escape(typed[2])}</tspan>')
    if line.startswith(("[console", "[shell")):
        return f'<tspan class="h">{html.escape(line)}</tspan>'
    return html.escape(line)


def draw(lines):
    """The picture."""
    width = int(COLUMNS * WIDTH + 2 * MARGIN)
    height = len(lines) * HEIGHT + 2 * MARGIN
    rows = "\n".join(f'<text x="{MARGIN}" y="{MARGIN + FONT + i * HEIGHT}">{styled(x)}</text>'
                     for i, x in enumerate(lines) if x)
    size = f'width="{width}" height="{height}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" {size}>
<style>text {{ font: {FONT}px monospace; white-space: pre; fill: #d8dee9 }}
.p {{ fill: #88c0d0 }} .t {{ fill: #a3be8c }} .h {{ fill: #ebcb8b }}</style>
<rect width="100%" height="100%" rx="8" fill="#1d2129"/>
{rows}
</svg>
"""


def main():
    """Command line."""
    _, path, out = sys.argv
    text = draw(folded(shorten(capture(path))))
    with open(out, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
