# SPDX-License-Identifier: Apache-2.0
"""The files that the checks read, and C++ text without comments and literals.

Every check is a function from a tree of files to a list of problems, so that its own test can pass
a small wrong tree and expect a problem.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tree(root=ROOT):
    """The project's text files as {path: text}: tracked ones and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-coz", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    ).stdout
    files = {}
    for name in filter(None, listed.split("\0")):
        path = root / name
        if not path.is_file():  # deleted, not yet committed
            continue
        data = path.read_bytes()
        if b"\0" in data:
            continue
        try:
            files[name] = data.decode("utf-8")
        except UnicodeDecodeError:
            continue  # a corpus file with the bytes it needs
    return files


def is_cpp(path):
    return path.endswith((".cpp", ".hpp"))


_SKIPPED = re.compile(
    r"""
      //[^\n]*
    | /\*.*?\*/
    | R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"
    | "(?:\\.|[^"\\\n])*"
    | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'
    """,
    re.VERBOSE | re.DOTALL,
)


def _blank(match):
    text = match.group(0)
    lines = "\n" * text.count("\n")
    if text.startswith(("//", "/*")):
        return " " + lines
    return ("''" if text.startswith("'") else '""') + lines


def bare(text):
    """C++ without comments and the insides of literals; every line keeps its number."""
    return _SKIPPED.sub(_blank, text)


def without_comments(text):
    """C++ without comments; literals stay."""
    def keep(match):
        return _blank(match) if match.group(0).startswith(("//", "/*")) else match.group(0)

    return _SKIPPED.sub(keep, text)


def report(problems):
    """Prints the problems, one a line; the exit code of a check."""
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def main(check):
    sys.exit(report(check(tree())))
