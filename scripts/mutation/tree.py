# SPDX-License-Identifier: Apache-2.0
"""A copy of the project with the mutants of some layers in it, and its build."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import mutants

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent

_COPIED = ("CMakeLists.txt", "cmake", "src", "tests", "config", "docs")
_ERROR = re.compile(r"^(\S+?):(\d+):\d+: (error:|\s+required from)", re.MULTILINE)
_NOT_CONSTANT = re.compile(r"the value of '(?:\w+::|\{anonymous\}::)*(\w+)'")


class build_failure(Exception):
    pass


def _write(path, text):
    """Writes a file only when that changes it, so that nothing is compiled in vain."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


class instrumented_tree:
    """All mutants of `layers` in one build below `directory`."""

    def __init__(self, directory, layers, jobs):
        self.directory = directory
        self.tree = directory / "tree"
        self.build = directory / "build"
        self.layers = layers
        self.jobs = jobs
        self.originals = {}
        self.mutants = []
        self.single = set()  # numbers of those that are compiled one by one
        for layer in layers:
            for path in sorted((ROOT / "src" / layer).glob("*.[ch]pp")):
                name = path.relative_to(ROOT).as_posix()
                self.originals[name] = path.read_text()
                self.mutants += mutants.mutants_of(name, self.originals[name])
        users = [path.read_text() for path in (ROOT / "tests/unit").rglob("*.cpp")]
        # The names of the constants that stay constexpr.
        self.fixed = mutants.fixed_constants(self.originals, users)

    def number(self, of):
        return self._numbers[id(of)]

    def write(self, digest):
        """Copies the project; the mutants' files come instrumented. `digest`: of the sources."""
        self.digest = digest
        self._recall()
        self._numbers = {id(each): at for at, each in enumerate(self.mutants, 1)}
        for name in _COPIED:
            self._copy(ROOT / name)
        for name in self.originals:
            _write(self.tree / name, self.text_of(name))
        _write(self.directory / "mutation.hpp", (HERE / "mutation.hpp").read_text())

    def is_single(self, of):
        """Whether it is compiled by itself."""
        return self.number(of) in self.single or of.constant in self.fixed

    # What does not compile instrumented is kept, so that the next run need not find out.
    def _recall(self):
        kept = self.directory / "single.json"
        if kept.exists():
            known = json.loads(kept.read_text())
            if known["digest"] == self.digest:
                self.single = set(known["single"])
                self.fixed = set(known["fixed"])

    def _remember(self):
        kept = {
            "digest": self.digest,
            "single": sorted(self.single),
            "fixed": sorted(self.fixed),
        }
        (self.directory / "single.json").write_text(json.dumps(kept))

    def _copy(self, path):
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for each in files:
            name = each.relative_to(ROOT)
            if not each.is_file() or name.as_posix() in self.originals:
                continue
            there = self.tree / name
            there.parent.mkdir(parents=True, exist_ok=True)
            if not there.exists() or there.read_bytes() != each.read_bytes():
                shutil.copyfile(each, there)

    def text_of(self, name, active=None):
        """The instrumented source; the mutant `active` in its plain form."""
        edits = []
        for each in self.mutants:
            number = self.number(each)
            if each.file != name:
                continue
            if each is active:
                edits += each.plain
            elif not self.is_single(each):
                edits += [
                    (start, end, rank, text.replace("{n}", str(number)))
                    for start, end, rank, text in each.instrumented
                ]
        original = self.originals[name]
        edits += mutants.constants_of(name, original, self.fixed)
        # On the first line, which is a comment, so that every other line keeps its number.
        include = f'#include "{self.directory / "mutation.hpp"}" '
        return include + mutants.edited(original, edits)

    def configure(self):
        flags = "-std=c++20 -w -O0"
        command = [
            "cmake", "-S", str(self.tree), "-B", str(self.build), "-G", "Ninja",
            "-DCMAKE_BUILD_TYPE=None", "-DMSD_TESTS=ON", "-DMSD_WERROR=OFF", "-DMSD_UNITY=TESTS",
            f"-DCMAKE_CXX_FLAGS={flags}", "-DCMAKE_CXX_COMPILER=g++", "-DCMAKE_C_COMPILER=gcc",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise build_failure(done.stdout + done.stderr)

    def compile(self):
        """Builds the unit tests of the layers; empty when that succeeded, else the messages."""
        targets = [f"msd_unit_{layer}" for layer in self.layers]
        command = ["ninja", "-C", str(self.build), f"-j{self.jobs}", "-k0", *targets]
        plain = {**os.environ, "LC_ALL": "C", "GCC_COLORS": ""}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=plain
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def compile_all(self, say):
        """Builds; takes out what does not compile instrumented, until all of it does."""
        while True:
            messages = self.compile()
            if not messages:
                return
            taken = self._take_out(messages)
            if not taken:
                raise build_failure(messages[-8000:])
            self._remember()
            say(f"{taken} mutants or constants cannot be chosen at run time; building again")
            for name in self.originals:
                _write(self.tree / name, self.text_of(name))

    def _take_out(self, messages):
        """Of the places where the compiler finds errors, the mutants and constants."""
        fixed = set(_NOT_CONSTANT.findall(messages)) - self.fixed
        taken = 0
        places = set()
        required_from = []
        for path, line, what in _ERROR.findall(messages):
            at = (self.build / path).resolve()
            place = (at.relative_to(self.tree).as_posix(), int(line)) if self.tree in at.parents \
                else None
            if what != "error:":
                required_from.append(place)
                continue
            places.update([place] if place else required_from)
            required_from = []
        for each in self.mutants:
            lines = range(each.lines[0], each.lines[1] + 1)
            if self.is_single(each) or not any((each.file, line) in places for line in lines):
                continue
            if each.constant:
                fixed.add(each.constant)
            elif not fixed:  # else the error may be one that follows from another one
                self.single.add(self.number(each))
                taken += 1
        self.fixed |= fixed
        return taken + len(fixed)

    def compile_single(self, one):
        """Builds with one mutant in its plain form; whether it compiles."""
        _write(self.tree / one.file, self.text_of(one.file, one))
        return not self.compile()

    def restore(self, one):
        _write(self.tree / one.file, self.text_of(one.file))

    def program(self, layer):
        return self.build / f"msd_unit_{layer}"
