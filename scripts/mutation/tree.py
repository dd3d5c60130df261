# SPDX-License-Identifier: Apache-2.0
"""A copy of the project with the mutants of some layers in it, and its build."""

import json
import pathlib
import re
import shutil
import subprocess

import mutants

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent

_COPIED = ("CMakeLists.txt", "cmake", "src", "tests", "config", "docs")
_PLACE = re.compile(r"(?:^|\s|from )((?:/|\.\./)\S+?):(\d+)[:,]", re.MULTILINE)
_OPERATOR = re.compile(r"\bint Mutant = (\d+)")
_QUOTED = re.compile("[‘']([A-Za-z_:]+)[’']")


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
        self.plain_constants = set()  # (file, lines): constants that stay constexpr
        for layer in layers:
            for path in sorted((ROOT / "src" / layer).glob("*.[ch]pp")):
                name = path.relative_to(ROOT).as_posix()
                self.originals[name] = path.read_text()
                self.mutants += mutants.mutants_of(name, self.originals[name])

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

    # What does not compile instrumented is kept, so that the next run need not find out.
    def _recall(self):
        kept = self.directory / "single.json"
        if kept.exists():
            known = json.loads(kept.read_text())
            if known["digest"] == self.digest:
                self.single = set(known["single"])
                self.plain_constants = {(name, tuple(at)) for name, at in known["constants"]}

    def _remember(self):
        kept = {
            "digest": self.digest,
            "single": sorted(self.single),
            "constants": sorted(self.plain_constants),
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
            elif number not in self.single:
                edits += [
                    (start, end, rank, text.replace("{n}", str(number)))
                    for start, end, rank, text in each.instrumented
                ]
        original = self.originals[name]
        for lines, of_constant in mutants.constants_of(name, original).items():
            if (name, lines) not in self.plain_constants:
                edits += of_constant
        return mutants.edited(original, edits)

    def configure(self):
        flags = f"-std=c++20 -w -O0 -include {self.directory / 'mutation.hpp'}"
        command = [
            "cmake", "-S", str(self.tree), "-B", str(self.build), "-G", "Ninja",
            "-DCMAKE_BUILD_TYPE=None", "-DMSD_TESTS=ON", "-DMSD_WERROR=OFF", "-DMSD_PCH=OFF",
            f"-DCMAKE_CXX_FLAGS={flags}", "-DCMAKE_CXX_COMPILER=g++", "-DCMAKE_C_COMPILER=gcc",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise build_failure(done.stdout + done.stderr)

    def compile(self):
        """Builds the unit tests of the layers; empty when that succeeded, else the messages."""
        targets = [f"msd_unit_{layer}" for layer in self.layers]
        command = ["ninja", "-C", str(self.build), f"-j{self.jobs}", "-k0", *targets]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
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
        """Of the places that the compiler names, the mutants and constants."""
        numbers = {int(number) for number in _OPERATOR.findall(messages)} - self.single
        if numbers:  # operators that the operands do not have
            self.single |= numbers
            return len(numbers)
        places = set()
        for path, line in _PLACE.findall(messages):
            at = pathlib.Path(path)
            at = at if at.is_absolute() else (self.build / at).resolve()
            if self.tree in at.parents:
                places.add((at.relative_to(self.tree).as_posix(), int(line)))
        taken = 0
        constants = {
            (name, lines)
            for name, text in self.originals.items()
            for lines in mutants.constants_of(name, text)
        }
        named = {word.split("::")[-1] for word in _QUOTED.findall(messages)}
        for name, lines in sorted(constants - self.plain_constants):
            text = self.originals[name].split("\n")
            declared = "\n".join(text[lines[0] - 1:lines[1]])
            is_named = bool(named.intersection(re.findall(r"\w+", declared)))
            is_placed = any((name, line) in places for line in range(lines[0], lines[1] + 1))
            if is_named or is_placed:
                self.plain_constants.add((name, lines))
                taken += 1
        for each in self.mutants:
            number = self.number(each)
            lines = range(each.lines[0], each.lines[1] + 1)
            is_kept = each.is_constant and (each.file, each.lines) not in self.plain_constants
            is_placed = any((each.file, line) in places for line in lines)
            is_of_constant = each.is_constant and not is_kept
            if number not in self.single and (is_of_constant or is_placed and not each.is_constant):
                self.single.add(number)
                taken += 1
        return taken

    def compile_single(self, one):
        """Builds with one mutant in its plain form; whether it compiles."""
        _write(self.tree / one.file, self.text_of(one.file, one))
        return not self.compile()

    def restore(self, one):
        _write(self.tree / one.file, self.text_of(one.file))

    def program(self, layer):
        return self.build / f"msd_unit_{layer}"
