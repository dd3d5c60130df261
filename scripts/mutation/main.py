# SPDX-License-Identifier: Apache-2.0
"""scripts/mutate: measures which faults in a layer its unit tests detect."""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys

import tree

LAYERS = ("core", "wire")
MEMORY_MAX = 1 << 30
INVALID_STATUS = 125  # as in mutation.hpp
# Limits of processor time, which other programs on the machine do not use up.
LEAST_LIMIT_S = 3
LIMIT_FACTOR = 3


def arguments_of(given):
    parser = argparse.ArgumentParser(
        prog="scripts/mutate",
        description="Changes the sources of a layer in one place at a time (a condition, an "
        "operator, a constant, a statement left out) and runs that layer's unit tests. A mutant "
        "that no test detects survives: a test is missing, or the mutant behaves the same.",
        epilog="Works in build/mutation and keeps the results there, so an interrupted run can be "
        "continued. After a change of the tests, surviving mutants are tried again; after a "
        "change of the sources, all mutants.",
    )
    parser.add_argument("places", nargs="*", metavar="LAYER|FILE[:LINE]",
                        help="core, wire, src/core/roll.cpp, src/core/roll.cpp:80; default: both "
                        "layers")
    parser.add_argument("--sample", type=int, metavar="N",
                        help="only N mutants, evenly spread, always the same")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="only the mutant of that number")
    parser.add_argument("--list", action="store_true", help="print the mutants and exit")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument("--no-single", action="store_true",
                        help="leave out mutants that have to be compiled one by one")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="number of parallel compilations and runs")
    return parser.parse_args(given)


def say(text):
    print(text, flush=True)


class selection:
    """The selected mutants."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.places = chosen.places or list(LAYERS)
        self.layers = [layer for layer in LAYERS if any(self._is_in(p, layer) for p in self.places)]
        if not self.layers:
            sys.exit(f"mutate: nothing of src/core or src/wire is named by {self.places}")

    @staticmethod
    def _is_in(place, layer):
        return place == layer or place.startswith(f"src/{layer}/")

    def has(self, one):
        for place in self.places:
            path, _, line = place.partition(":")
            is_there = one.file == path or one.file.startswith(f"src/{path}/")
            if is_there and (not line or int(line) == one.line):
                return True
        return False

    def of(self, all_of_them):
        """The wanted ones with their numbers, in the order of the sources."""
        wanted = [(n, one) for n, one in enumerate(all_of_them, 1) if self.has(one)]
        if self.chosen.only:
            wanted = [(n, one) for n, one in wanted if n == self.chosen.only]
        size = self.chosen.sample
        if size and size < len(wanted):
            wanted = [wanted[at * len(wanted) // size] for at in range(size)]
        return wanted


class results:
    """The outcome of each mutant, kept in a file. Changed sources discard all outcomes; changed
    tests discard those of survivors."""

    def __init__(self, file, again):
        self.file = file
        self.sources = digest_of("src/{}", "src/base", "scripts/mutation", but="main.py")
        self.tests = digest_of("tests/unit/{}")
        self.known = {}
        if file.exists() and not again:
            kept = json.loads(file.read_text())
            if kept["sources"] == self.sources:
                self.known = kept["results"]
                if kept["tests"] != self.tests:
                    self.known = {n: o for n, o in self.known.items() if o != "survived"}

    def note(self, name, outcome):
        self.known[name] = outcome
        kept = {"sources": self.sources, "tests": self.tests, "results": self.known}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(kept, indent=1))
        new.replace(self.file)


def digest_of(*folders, but=""):
    digest = hashlib.sha256()
    for folder in folders:
        for layer in LAYERS:
            for path in sorted((tree.ROOT / folder.format(layer)).rglob("*.[chp]*")):
                if path.is_file() and path.name != but:
                    digest.update(path.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def suites_of(source):
    """The suites in the test file that mirrors a source: they are run first."""
    layer, stem = pathlib.PurePosixPath(source).parts[1], pathlib.PurePosixPath(source).stem
    suites = set()
    for path in sorted((tree.ROOT / "tests/unit" / layer).glob("*_test.cpp")):
        if stem.startswith(path.stem.removesuffix("_test")):
            suites.update(re.findall(r"^TEST(?:_F|_P)?\((\w+),", path.read_text(), re.MULTILINE))
    return sorted(suites)


def _limit(cpu_s):
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def outcome_of(program, number, suites, limit_s):
    """Runs the tests, first the given suites; a mutant that makes a test hang is detected, too."""
    environment = {**os.environ, "MSD_MUTANT": str(number)}
    filters = [":".join(f"{suite}.*:*/{suite}.*" for suite in suites)] if suites else []
    filters.append("-" + filters[0] if filters else "*")
    for each in filters:
        command = [program, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={each}"]
        done = subprocess.run(
            command, cwd=tree.ROOT, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: _limit(limit_s), check=False,
        )
        if done.returncode == -signal.SIGXCPU:
            return "timeout"
        if done.returncode != 0:
            return "invalid" if done.returncode == INVALID_STATUS else "killed"
    return "survived"


class campaign:
    def __init__(self, chosen):
        self.chosen = chosen
        self.wanted_places = selection(chosen)
        directory = tree.ROOT / "build/mutation"
        directory.mkdir(parents=True, exist_ok=True)
        layers = self.wanted_places.layers
        self.tree = tree.instrumented_tree(directory, list(LAYERS), chosen.jobs)
        self.tree.layers = layers
        self.wanted = self.wanted_places.of(self.tree.mutants)
        self.results = results(directory / "results.json", chosen.again)
        self.limits = {}

    def run(self):
        if self.chosen.list:
            for number, one in self.wanted:
                say(f"{number}: {one.name}")
            return 0
        open_ones = [(n, one) for n, one in self.wanted if one.name not in self.results.known]
        say(f"{len(self.wanted)} mutants, {len(open_ones)} to try")
        if open_ones:
            self.prepare()
            single = [each for each in open_ones if self.tree.is_single(each[1])]
            single += self.try_all([each for each in open_ones if not self.tree.is_single(each[1])])
            if not self.chosen.no_single:
                self.try_single(single)
        return self.report()

    def prepare(self):
        say("building the tests with all mutants in them")
        self.tree.write(self.results.sources)
        self.tree.configure()
        self.tree.compile_all(say)
        for layer in self.tree.layers:
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            if outcome_of(self.tree.program(layer), 0, [], 600) != "survived":
                sys.exit(f"mutate: the unit tests of {layer} fail without any mutant: run "
                         f"{self.tree.program(layer)}")
            took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            self.limits[layer] = LEAST_LIMIT_S + int(LIMIT_FACTOR * took)
            say(f"{layer}: the tests take {took:.1f} s of processor time")

    def outcome(self, number, one):
        layer = pathlib.PurePosixPath(one.file).parts[1]
        program = self.tree.program(layer)
        return outcome_of(program, number, suites_of(one.file), self.limits[layer])

    def note(self, number, one, outcome):
        self.results.note(one.name, outcome)
        if outcome == "survived":
            say(f"SURVIVED {number}: {one.name}")

    def try_all(self, open_ones):
        doubtful = []
        pool = concurrent.futures.ThreadPoolExecutor(self.chosen.jobs)
        try:
            running = [
                (number, one, pool.submit(self.outcome, number, one)) for number, one in open_ones
            ]
            for number, one, outcome in running:
                if outcome.result() == "survived" and one.is_constexpr:
                    doubtful.append((number, one))  # perhaps it was never active
                else:
                    self.note(number, one, outcome.result())
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt starts no further run
        return doubtful

    def try_single(self, open_ones):
        if open_ones:
            say(f"{len(open_ones)} mutants of constant expressions, compiled one by one")
        for number, one in open_ones:
            try:
                if not self.tree.compile_single(one):
                    self.note(number, one, "invalid")
                else:
                    self.note(number, one, self.outcome(0, one))
            finally:
                self.tree.restore(one)

    def report(self):
        outcomes = [
            (number, one, self.results.known.get(one.name, "not tried"))
            for number, one in self.wanted
        ]
        say("")
        for number, one, outcome in outcomes:
            if outcome == "survived":
                say(f"survived {number}: {one.name}")
        for part in [*self.tree.layers, "all"]:
            of_part = [o for _n, one, o in outcomes if part in ("all", one.file.split("/")[1])]
            count = collections.Counter(of_part)
            killed = count["killed"] + count["timeout"]
            valid = killed + count["survived"]
            rate = 100 * killed / valid if valid else 0
            say(f"{part}: {killed} of {valid} killed, {rate:.1f} % ({count['timeout']} by a time "
                f"limit); {count['survived']} survived, {count['invalid']} do not compile, "
                f"{count['not tried']} not tried")
        return 0


def main():
    try:
        return campaign(arguments_of(sys.argv[1:])).run()
    except tree.build_failure as failed:
        sys.exit(f"mutate: the build failed:\n{failed}")
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
