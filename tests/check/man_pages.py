# SPDX-License-Identifier: Apache-2.0
"""Checks the man pages with mandoc, and that msd(8) contains everything in `msd --help`.

The program to ask is MSD_BIN. A missing mandoc is a failure: scripts/setup --tests installs it.
"""

import os
import re
import subprocess
import tempfile
import unittest

import sources

PAGES = sorted((sources.ROOT / "docs/man").iterdir())
PAGE = (sources.ROOT / "docs/man/msd.8").read_text()
PROGRAM = os.environ.get("MSD_BIN", sources.ROOT / "build/release/msd")

_COMMAND = re.compile(r"^  ([a-z]+) {2,}\S", re.MULTILINE)
_FLAG = re.compile(r"(?<![\w-])--([a-z][a-z-]+)")
_VARIABLE = re.compile(r"\bMSD_[A-Z_]+\b")


def lint(page):
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def help_of(*command):
    return subprocess.run(
        [PROGRAM, *command, "--help"], capture_output=True, text=True, check=True
    ).stdout


def commands_in(text):
    listed = re.search(r"^Subcommands:\n(.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return _COMMAND.findall(listed.group(1)) if listed else []


def all_commands():
    """Every command as a tuple of words: ("up",), ("ctl", "roll"), …"""
    found = []
    for name in commands_in(help_of()):
        found += [(name, inner) for inner in commands_in(help_of(name))] or [(name,)]
    return found


def mentions(page, macro, word):
    return re.search(rf"(?m)^.*\b{macro}\b[^\n]*?(?<![\w-]){re.escape(word)}(?![\w-])", page)


class ManPages(unittest.TestCase):
    def test_mandoc_finds_nothing(self):
        self.assertEqual(["msd.8", "msd.toml.5"], [page.name for page in PAGES])
        for page in PAGES:
            with self.subTest(page=page.name):
                self.assertEqual("", lint(page))

    def test_mandoc_would_find_something(self):
        with tempfile.NamedTemporaryFile("w", suffix=".8") as page:
            page.write(PAGE.replace(".El\n", "", 1))
            page.flush()
            self.assertNotEqual("", lint(page.name))

    def test_every_command_is_explained(self):
        commands = all_commands()
        for known in (("up",), ("service",), ("ctl", "roll"), ("ctl", "stop"), ("call",)):
            self.assertIn(known, commands)
        for command in commands:
            with self.subTest(command=command):
                self.assertTrue(mentions(PAGE, "Cm", command[-1]))

    def test_every_option_is_explained(self):
        # `msd up` has one of these for each role.
        of_one_role = re.compile(r"(?!gateway-port|distributor-port|goods-port).*-(port|workers)$")
        for command in all_commands():
            options = set(_FLAG.findall(help_of(*command).split("Examples:")[0]))
            self.assertIn("help", options)
            for option in sorted(options):
                if not of_one_role.fullmatch(option):
                    with self.subTest(command=command, option=option):
                        self.assertTrue(mentions(PAGE, "Fl", option))

    def test_every_variable_is_explained(self):
        variables = set(_VARIABLE.findall(help_of()))
        self.assertIn("MSD_CONFIG", variables)
        of_one_role = re.compile(r"MSD_(?!GATEWAY_PORT|GOODS_WORKERS)[A-Z]+_(PORT|WORKERS)")
        for name in sorted(variables):
            if not of_one_role.fullmatch(name):
                with self.subTest(variable=name):
                    self.assertTrue(mentions(PAGE, "Ev", name))
        for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_FDNAMES"):
            self.assertTrue(mentions(PAGE, "Ev", name), name)

    def test_every_exit_code_of_the_help_is_explained(self):
        codes = re.search(r"Exit codes:\n((?:  .*\n)+)", help_of()).group(1)
        status = PAGE.split(".Sh EXIT STATUS")[1].split(".Sh ")[0]
        for code in re.findall(r"\b\d+\b", codes):
            with self.subTest(code=code):
                self.assertIn(f".It {code}\n", status)

    def test_every_signal_of_the_master_is_explained(self):
        source = (sources.ROOT / "src/process/signal_queue.cpp").read_text()
        handled = set(re.findall(r"\bSIG([A-Z0-9]+)\b", source)) - {"CHLD", "PIPE"}
        handled -= {"BLOCK", "DFL", "IGN"}
        self.assertGreater(len(handled), 5)
        for name in sorted(handled):
            with self.subTest(signal=name):
                self.assertTrue(mentions(PAGE, "Dv", name))


if __name__ == "__main__":
    unittest.main()
