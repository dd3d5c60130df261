# SPDX-License-Identifier: Apache-2.0
"""Rules for every file that clang-format and clang-tidy do not check."""

import pathlib
import re

import sources

COLUMNS_MAX = 100
LINES_MAX = 400
# A longer file gives the reason in a comment among its first lines.
LONG_REASON = "Over 400 lines:"
LONG_REASON_WITHIN = 30

LICENCE = "SPDX-License-Identifier: Apache-2.0"
_CODE = (
    ".cpp", ".hpp", ".py", ".mjs", ".js", ".sh", ".cmake", ".conf", ".service", ".socket",
    ".target", ".toml",
)

# File names that do not describe the content.
VAGUE = {"util", "utils", "helper", "helpers", "manager", "common", "impl", "misc"}
# systemd calls itself a service manager.
NAMED_BY_OTHERS = {"src/process/service_manager.cpp", "src/process/service_manager.hpp"}


def is_code(path, text):
    name = pathlib.PurePosixPath(path).name
    return path.endswith(_CODE) or name == "CMakeLists.txt" or text.startswith("#!")


def _line_problems(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}:{number}"
        if "\t" in line:
            yield f"{where}: a tab"
        if line != line.rstrip():
            yield f"{where}: white space at the end of the line"
        if len(line) > COLUMNS_MAX:
            yield f"{where}: {len(line)} columns, at most {COLUMNS_MAX}"


def _file_problems(path, text):
    lines = text.split("\n")
    first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
    if LICENCE not in first:
        yield f"{path}:1: the first line is not `{LICENCE}`"
    if not text.endswith("\n"):
        yield f"{path}: no newline at the end"
    if path.endswith(".hpp") and "#pragma once" not in lines[:3]:
        yield f"{path}: #pragma once does not follow the licence"
    count = text.count("\n")
    if count > LINES_MAX and not any(LONG_REASON in line for line in lines[:LONG_REASON_WITHIN]):
        yield f"{path}: {count} lines; split it or say why in a comment `{LONG_REASON} …`"


def _name_problems(path):
    if path in NAMED_BY_OTHERS:
        return
    for part in pathlib.PurePosixPath(path).parts:
        vague = VAGUE.intersection(re.split(r"[_.\-]", part.lower()))
        for word in sorted(vague):
            yield f"{path}: `{word}` does not say what is inside"


def check(files):
    problems = []
    for path, text in sorted(files.items()):
        problems += _name_problems(path)
        if is_code(path, text):
            problems += _file_problems(path, text)
            problems += _line_problems(path, text)
    return problems


if __name__ == "__main__":
    sources.main(check)
