# SPDX-License-Identifier: Apache-2.0
"""Finds second definitions of the version, and paths of one machine."""

import re

import sources

_PROJECT_VERSION = re.compile(r"^project\(msd VERSION ([\d.]+)", re.MULTILINE)
# The change log names all versions.
VERSION_HOMES = {"CMakeLists.txt", "CHANGELOG.md"}

# Absolute paths of one machine. In two pieces, so that the check does not find this line.
_MACHINE = re.compile(r"(?<![\w.}/$-])/(?:work|root|Users|home/\w+)/" + r"[\w.]")


def _found(pattern, path, text, what):
    for match in pattern.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"{path}:{line}: {what} `{match.group(0)}`"


def check(files):
    declared = _PROJECT_VERSION.search(files["CMakeLists.txt"])
    if not declared:
        return ["CMakeLists.txt: no line project(msd VERSION …)"]
    version = re.compile(rf"(?<![\d.]){re.escape(declared.group(1))}(?![\d.])")
    problems = []
    for path, text in sorted(files.items()):
        problems += _found(_MACHINE, path, text, "a path of one machine")
        if path not in VERSION_HOMES:
            read = sources.without_comments(text) if sources.is_cpp(path) else text
            problems += _found(version, path, read, "a second home of the version:")
    return problems


if __name__ == "__main__":
    sources.main(check)
