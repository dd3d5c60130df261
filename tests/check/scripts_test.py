# SPDX-License-Identifier: Apache-2.0
"""Runs scripts/test and .ci/run with stubs in place of what they call.

Each fault must end in an exit code other than 0 and in exactly one last line `N passed, N failed`.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import sources

COUNTS = re.compile(r"^\d+ passed, \d+ failed$", re.MULTILINE)


class Tree:
    """A directory with the real script, and shell texts as its stubs."""

    def __init__(self, folder, copies):
        self.root = pathlib.Path(folder)
        self.path = self.root / "bin"
        for name in copies:
            (self.root / name).parent.mkdir(exist_ok=True)
            shutil.copy(sources.ROOT / name, self.root / name)
        self.stub("scripts/setup", "exit 0")

    def stub(self, name, text):
        file = self.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/usr/bin/env bash\n{text}\n")
        file.chmod(0o755)

    def run(self, *command):
        """(exit code, the text of the last line, all that was printed)."""
        environment = {**os.environ, "PATH": f"{self.path}:{os.environ['PATH']}"}
        done = subprocess.run(
            [self.root / command[0], *command[1:]], env=environment, text=True, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )
        return done.returncode, done.stdout.splitlines()[-1:], done.stdout


CONFIGURES = """
if [[ $1 == --preset ]]; then
    mkdir -p "build/$2"
    unity=TESTS
    [[ $* != *-DMSD_UNITY=* ]] || unity=
    echo "MSD_UNITY:STRING=$unity" >"build/$2/CMakeCache.txt"
    exit 0
fi
echo build >>builds
"""
BUILDS = CONFIGURES + "exit 0"
# The reports of two entries: a program with one test, and a suite with two.
REPORTS = """
cat >build/release/tests.xml <<'XML'
<testsuite><testcase name="functional/a" status="run"/>
<testcase name="unit/b" status="run"/></testsuite>
XML
mkdir -p build/release/suites
cat >build/release/suites/unit.b.xml <<'XML'
<testsuites><testsuite><testcase name="x" status="run"/>
<testcase name="y" status="run"/></testsuite></testsuites>
XML
"""


class ScriptsTest(unittest.TestCase):
    def outcome(self, cmake=BUILDS, ctest=REPORTS, setup="exit 0"):
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder, ["scripts/test", "tests/count.py"])
            tree.stub("scripts/setup", setup)
            tree.stub("bin/cmake", cmake)
            tree.stub("bin/ctest", ctest)
            code, last, text = tree.run("scripts/test")
            builds = tree.root / "builds"
            self.builds = builds.read_text().count("\n") if builds.exists() else 0
            self.assertEqual(1, len(COUNTS.findall(text)), text)
            return code, *last

    def test_tests_of_a_suite_are_counted_one_by_one(self):
        self.assertEqual((0, "3 passed, 0 failed"), self.outcome())
        self.assertEqual(1, self.builds)

    def test_a_build_that_fails_is_a_failure(self):
        self.assertEqual((1, "0 passed, 1 failed"), self.outcome(cmake=CONFIGURES + "exit 1"))
        self.assertEqual(2, self.builds)

    def test_a_build_without_batches_is_not_repeated(self):
        fails = CONFIGURES.replace("=TESTS", "=") + "exit 1"
        self.assertEqual((1, "0 passed, 1 failed"), self.outcome(cmake=fails))
        self.assertEqual(1, self.builds)

    def test_a_build_that_only_fails_in_batches_succeeds(self):
        fails_once = CONFIGURES + "grep -q '=$' build/release/CMakeCache.txt"
        self.assertEqual((0, "3 passed, 0 failed"), self.outcome(cmake=fails_once))

    def test_a_configuration_or_an_installation_that_fails_is_a_failure(self):
        self.assertEqual((1, "0 passed, 1 failed"), self.outcome(cmake="exit 1"))
        self.assertEqual((3, "0 passed, 1 failed"), self.outcome(setup="exit 3"))

    def test_a_ctest_that_is_killed_is_a_failure(self):
        self.assertEqual((1, "0 passed, 1 failed"), self.outcome(ctest="kill -KILL $$"))

    def test_a_run_without_tests_is_a_failure(self):
        none = "echo '<testsuite/>' >build/release/tests.xml; exit 8"
        self.assertEqual((1, "0 passed, 1 failed"), self.outcome(ctest=none))

    def test_a_report_that_cannot_be_read_is_a_failure(self):
        broken = "echo '<testsuite' >build/release/tests.xml; exit 0"
        self.assertEqual((1, "0 passed, 1 failed"), self.outcome(ctest=broken))

    def test_a_failed_test_is_a_failure(self):
        fails = REPORTS.replace('name="functional/a" status="run"', 'name="f" status="fail"')
        self.assertEqual((1, "2 passed, 1 failed"), self.outcome(ctest=fails + "exit 8"))
        failure = REPORTS.replace('<testcase name="x" status="run"/>',
                                  '<testcase name="x" status="run"><failure/></testcase>')
        failure = failure.replace('name="unit/b" status="run"', 'name="unit/b" status="fail"')
        self.assertEqual((1, "2 passed, 1 failed"), self.outcome(ctest=failure + "exit 8"))

    def test_a_suite_that_crashes_is_a_failure(self):
        crashes = REPORTS + ": >build/release/suites/unit.b.xml\n"
        crashes = crashes.replace('name="unit/b" status="run"', 'name="unit/b" status="fail"')
        self.assertEqual((1, "1 passed, 1 failed"), self.outcome(ctest=crashes + "exit 8"))

    def test_a_suite_that_ends_early_with_exit_code_0_is_a_failure(self):
        ends = REPORTS + ": >build/release/suites/unit.b.xml\n"
        self.assertEqual((1, "1 passed, 1 failed"), self.outcome(ctest=ends))

    def test_a_suite_whose_tests_pass_and_whose_process_fails_is_a_failure(self):
        leaks = REPORTS.replace('name="unit/b" status="run"', 'name="unit/b" status="fail"')
        self.assertEqual((1, "3 passed, 1 failed"), self.outcome(ctest=leaks + "exit 8"))


class CiTest(unittest.TestCase):
    def ci(self, **stubs):
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder, [".ci/run"])
            tree.stub("scripts/setup", stubs.get("setup", "exit 0"))
            build = stubs.get("asan_build", "exit 0")
            test = stubs.get("test", "echo '5 passed, 0 failed'")
            tree.stub("scripts/test", f"if [[ $* == *--build-only* ]]; then {build}; fi\n{test}")
            steps = {"format": "", "tidy": "", "bench": "", "sanitizers": "", **stubs}
            cases = "".join(f"{step}) {steps[step]} ;;\n" for step in
                            ("format", "tidy", "bench", "sanitizers"))
            tree.stub("scripts/check", f"case $1 in\n{cases}esac\necho '1 passed, 0 failed'")
            code, last, self.text = tree.run(".ci/run")
            self.assertEqual(1, len(COUNTS.findall(self.text)), self.text)
            return code, *last

    def test_all_steps_are_counted(self):
        self.assertEqual((0, "9 passed, 0 failed"), self.ci())

    def test_a_step_that_fails_is_a_failure(self):
        for step in ("format", "tidy", "bench", "sanitizers"):
            with self.subTest(step=step):
                fails = {step: "echo '0 passed, 1 failed'; exit 1"}
                self.assertEqual((1, "8 passed, 1 failed"), self.ci(**fails))
                killed = {step: "kill -KILL $$"}
                self.assertEqual((1, "8 passed, 1 failed"), self.ci(**killed))

    def test_tests_that_fail_or_end_without_a_count_are_a_failure(self):
        self.assertEqual((1, "7 passed, 2 failed"), self.ci(
            test="echo '3 passed, 2 failed'; exit 1"))
        self.assertEqual((1, "4 passed, 1 failed"), self.ci(test="kill -KILL $$"))
        self.assertEqual((1, "4 passed, 1 failed"), self.ci(test="exit 0"))
        self.assertEqual((1, "9 passed, 1 failed"), self.ci(
            test="echo '5 passed, 0 failed'; exit 1"))

    def test_a_build_with_sanitizers_that_fails_is_a_failure_and_shows_its_log(self):
        self.assertEqual((1, "8 passed, 1 failed"), self.ci(
            asan_build="echo 'a.cpp:1: error'; exit 1"))
        self.assertIn("a.cpp:1: error", self.text)

    def test_an_installation_that_fails_is_a_failure(self):
        self.assertEqual((3, "0 passed, 1 failed"), self.ci(setup="exit 3"))


if __name__ == "__main__":
    unittest.main()
