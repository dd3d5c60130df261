# SPDX-License-Identifier: Apache-2.0
"""Groups C++ sources that can be compiled as one translation unit.

usage: batches.py LINES_MAX FILE...

Prints `BATCH<tab>FILE` for each file. Sources of one target share a batch up to LINES_MAX lines.
What most of a compilation takes is reading the headers and generating the inline functions of
headers; a batch does both once. Two files are not in one batch when one declares a name at
namespace scope that the other contains anywhere, or that only the headers of the other declare: the
compiler could then reject the batch, or choose another function than it does for the file alone.
"""

import pathlib
import re
import sys

import sources

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\s*"([^"]+)"', re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"\[\[[^\]]*\]\]")
_TOKEN = re.compile(r"\w+|::|[^\s\w]")
_WORD = re.compile(r"[A-Za-z_]\w*")
# Declare nothing that has the name of the macro.
_MACROS = {
    "TEST", "TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_SUITE", "INSTANTIATE_TEST_SUITE_P",
    "BENCHMARK", "static_assert",
}
_ENDS_NAME = set("(={;[:")


def _declared(head):
    """The name that a declaration with these tokens declares, or None."""
    if head[0] in (",", "friend", "extern"):
        return None
    depth = 0
    for place, token in enumerate([*head, ";"]):
        if token == "<" and place and (head[place - 1][-1].isalnum() or head[place - 1] == "_"):
            depth += 1
        elif token == ">" and depth:
            depth -= 1
        elif token in _ENDS_NAME and depth == 0:
            while place and head[place - 1] == "final":
                place -= 1
            if not place or not re.fullmatch(r"[A-Za-z_]\w*", head[place - 1]):
                return None
            name = head[place - 1]
            is_member = place > 1 and head[place - 2] == "::"
            return None if is_member or name in _MACROS else name
    return None


def declared_names(text):
    """{name: declaration} of namespace scope; the declaration is "" unless it can be repeated."""
    text = sources.bare(text)
    names = {name: "" for name in _DEFINE.findall(text)}
    head, blocks, inside = [], [], 0
    for token in _TOKEN.findall(_ATTRIBUTE.sub(" ", _DIRECTIVE.sub("", text))):
        if inside:
            inside += {"{": 1, "}": -1}.get(token, 0)
            if not inside:
                head = []
        elif token == "{" and head and ("namespace" in head[:2] or head[0] == "extern"):
            blocks.append(token)
            head = []
        elif token == "}":
            if blocks:
                blocks.pop()
            head = []
        elif token in "{;":
            if head and head[0] != "using":
                name = _declared(head)
            else:
                name = head[1] if len(head) > 2 and head[2] == "=" else head[-1] if head else None
            if name:
                can_repeat = head[0] in ("using", "namespace") or (
                    token == ";" and head[0] in ("class", "struct")
                )
                text_of = " ".join(head) if can_repeat else ""
                names[name] = text_of if names.get(name, text_of) == text_of else ""
            inside = 1 if token == "{" else 0
            head = []
        else:
            head.append(token)
    return names


_texts = {}  # path: (names that it declares, files that it includes)


def _read(path):
    if path not in _texts:
        text = path.read_text(errors="replace")
        _texts[path] = declared_names(text), list(_included(path, text))
    return _texts[path]


def _included(path, text):
    for name in _INCLUDE.findall(text):
        for folder in (path.parent, sources.ROOT / "src", sources.ROOT / "tests"):
            if (folder / name).is_file():
                yield (folder / name).resolve()
                break


def headers_of(path):
    """The project's headers that a file includes, at any depth."""
    found, waiting = set(), [path]
    while waiting:
        new = set(_read(waiting.pop())[1]) - found
        found |= new
        waiting += new
    return found


class Source:
    """One file: the names it declares, all it contains, and those its headers declare."""

    def __init__(self, path):
        self.path = path
        text = path.read_text(errors="replace")
        self.lines = text.count("\n")
        self.words = set(_WORD.findall(sources.bare(text)))
        self.own = _read(path)[0]
        self.read = set()
        for header in headers_of(path):
            self.read |= _read(header)[0].keys()


class Batch:
    def __init__(self):
        self.sources, self.lines, self.own, self.read, self.words = [], 0, {}, set(), set()

    def takes(self, source, lines_max, is_strict):
        if self.sources and self.lines + source.lines > lines_max:
            return False
        used = self.own.keys() & source.own.keys()
        if is_strict:
            used |= (self.own.keys() & source.words) | (source.own.keys() & self.words)
        for name in used:
            is_shared = name in self.read and name in source.read
            is_defined_twice = name in self.own and name in source.own
            can_repeat = self.own.get(name) and self.own.get(name) == source.own.get(name)
            if not can_repeat and (is_defined_twice or not is_shared):
                return False
        # A name that both read in headers is the same name.
        return not (self.own.keys() & (source.read - self.read)) and not (
            source.own.keys() & (self.read - source.read)
        )

    def add(self, source):
        self.sources.append(source)
        self.lines += source.lines
        self.own |= source.own
        self.read |= source.read
        self.words |= source.words


def _target(path):
    """src/LAYER, tests/KIND/LAYER, or the folder of a file that is elsewhere."""
    for folder, depth in (("src", 1), ("tests", 2)):
        if path.is_relative_to(sources.ROOT / folder):
            return (folder, *path.relative_to(sources.ROOT / folder).parts[:depth])
    return path.parent


def batches(paths, lines_max, is_strict=True):
    """Lists of paths, each of one target; the longest files come first, so that they are spread.

    When not strict, a file may contain a name that another one declares, but not declare it.
    """
    targets = {}
    for path in sorted(paths):
        targets.setdefault(_target(path), []).append(Source(path))
    made = []
    for found in targets.values():
        of_target = []
        for source in sorted(found, key=lambda each: (-each.lines, each.path)):
            batch = next(
                (each for each in of_target if each.takes(source, lines_max, is_strict)), None
            )
            if batch is None:
                batch = Batch()
                of_target.append(batch)
            batch.add(source)
        made += [[each.path for each in batch.sources] for batch in of_target]
    return made


def main(lines_max, paths):
    for number, batch in enumerate(batches([pathlib.Path(path) for path in paths], lines_max)):
        for path in batch:
            print(f"{number}\t{path}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
