# SPDX-License-Identifier: BSD-2-Clause
"""make format: folds comments that are too wide, which clang-format does less well.

A comment of one line becomes a block; a wide line of a block takes the rest of its paragraph along.
Pictures, tables and comments behind code are left for people.
"""

import re
import sys

MAX_COLUMNS = 100
RULER = re.compile(r"^(\s*/\* -{3,}.*? -*?)(-{5,} \*/)$")
SINGLE = re.compile(r"^(\s*)/\* (?!SOURCES:|LIBS:|CFLAGS:)(.*) \*/$")
OPENED = re.compile(r"^(\s*)/\* ([^*\t]+)$")
PROSE = re.compile(r"^(\s* \* )([^\s*/-].*)$")


def columns(line):
    """Width of a line on the screen."""
    return len(line.expandtabs(8))


def wrap(prefix, words):
    """Lines that begin with the prefix and hold the words."""
    lines = [prefix + words[0]]
    for word in words[1:]:
        if columns(f"{lines[-1]} {word}") > MAX_COLUMNS:
            lines.append(prefix + word)
        else:
            lines[-1] += f" {word}"
    return lines


def fold_paragraph(lines, i):
    """Fold the prose line i of a block, and those after it as long as words spill over."""
    prefix, text = PROSE.match(lines[i]).groups()
    words, end = text.split(), i + 1
    while len(wrap(prefix, words)) > end - i and end < len(lines):
        m = PROSE.match(lines[end])
        if not m or m[1] != prefix or "\t" in m[2] or "  " in m[2]:
            break
        words += m[2].split()
        end += 1
    lines[i:end] = wrap(prefix, words)


def fold_opened(lines, i):
    """Make a block of a comment whose text begins behind the opening sign."""
    indent, text = OPENED.match(lines[i]).groups()
    end = next((k for k in range(i, len(lines)) if lines[k].endswith("*/")), i)
    rest = [line.strip().lstrip("*").removesuffix("*/") for line in lines[i + 1:end + 1]]
    if any("\t" in line for line in rest):
        return
    body = wrap(f"{indent} * ", " ".join([text] + rest).split())
    lines[i:end + 1] = [f"{indent}/*", *body, f"{indent} */"]


def fold(text):
    """The text with its wide comments folded."""
    lines, i = text.split("\n"), 0
    while i < len(lines):
        line = lines[i]
        excess = columns(line) - MAX_COLUMNS
        single, ruler = SINGLE.match(line), RULER.match(line)
        if excess <= 0:
            pass
        elif ruler and len(ruler[2]) - 3 > excess:
            lines[i] = ruler[1] + ruler[2][excess:]
        elif single:
            body = wrap(f"{single[1]} * ", single[2].split())
            lines[i:i + 1] = [f"{single[1]}/*", *body, f"{single[1]} */"]
        elif OPENED.match(line):
            fold_opened(lines, i)
        elif PROSE.match(line) and "\t" not in PROSE.match(line)[2] and not line.endswith("*/"):
            fold_paragraph(lines, i)
        i += 1
    return "\n".join(lines)


def main():
    """Fold the files named on the command line in place."""
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            old = f.read()
        new = fold(old)
        if new != old:
            with open(path, "w", encoding="utf-8") as f:
                f.write(new)


if __name__ == "__main__":
    main()
