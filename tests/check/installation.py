# SPDX-License-Identifier: Apache-2.0
"""Tests scripts/install in a temporary directory, and verifies the units with systemd.

The program to install is MSD_BIN. A missing systemd-analyze, systemd-sysusers or systemd-tmpfiles
is a failure: scripts/setup --tests installs them.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import sources

SERVICES = ("msd-distributor.service", "msd-gateway.service", "msd-service@.service")
SOCKETS = ("msd-distributor.socket", "msd-gateway.socket", "msd-service@goods.socket")
PROGRAMS = [
    "usr/local/bin/msd",
    "usr/local/lib/msd/split-data",
    "usr/local/lib/systemd/system-generators/msd-instances",
]
EXPOSURE_MAX = 2.5
HOST_UNITS = pathlib.Path("/usr/lib/systemd/system")


def delivered():
    """The configuration as it is installed, with the directories of the units."""
    text = (sources.ROOT / "config/msd.toml").read_text()
    for key, directory in (("data_dir", "/var/lib/msd"), ("runtime_dir", "/run/msd")):
        text, count = re.subn(rf'(?m)^#{key} = .*', f'{key} = "{directory}"', text)
        assert count == 1, key
    return text


class Installed(unittest.TestCase):
    prefix = "/usr/local"

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="msd install ")
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def install(self, *arguments, expected=0, **variables):
        done = subprocess.run(
            [sources.ROOT / "scripts/install", *arguments],
            env={**os.environ, "DESTDIR": str(self.root), "PREFIX": self.prefix, **variables},
            capture_output=True, text=True, check=False, cwd="/",
        )
        self.assertEqual(expected, done.returncode, done.stdout + done.stderr)
        return done

    def path(self, name):
        return self.root / name.lstrip("/")

    def files(self):
        return {
            str(path.relative_to(self.root)): (path.stat().st_mode & 0o7777, path.read_bytes())
            for path in self.root.rglob("*") if path.is_file()
        }


class Files(Installed):
    def test_everything_is_in_place_with_its_mode(self):
        self.install()
        found = {name: mode for name, (mode, _) in self.files().items()}
        executables = [name for name, mode in found.items() if mode != 0o644]
        self.assertEqual(PROGRAMS, sorted(executables))
        self.assertEqual(0o755, found["usr/local/bin/msd"])
        for name in (
            *(f"usr/local/lib/systemd/system/{unit}" for unit in (*SERVICES, *SOCKETS)),
            "usr/local/lib/systemd/system/msd.target",
            "usr/local/lib/sysusers.d/msd.conf",
            "usr/local/lib/tmpfiles.d/msd.conf",
            "usr/local/share/man/man8/msd.8",
            "usr/local/share/man/man5/msd.toml.5",
            "usr/local/lib/systemd/system/msd-service@logs.service.d/order.conf",
            "etc/msd/msd.toml",
        ):
            self.assertIn(name, found)

    def test_the_program_runs_and_is_stripped(self):
        self.install()
        program = self.path("/usr/local/bin/msd")
        subprocess.run([program, "version"], capture_output=True, check=True)
        subprocess.run(
            [program, "check", self.path("/etc/msd/msd.toml")], capture_output=True, check=True
        )
        sections = subprocess.run(
            ["readelf", "-S", "-W", program], capture_output=True, text=True, check=True
        ).stdout
        self.assertIn(".text", sections)
        self.assertNotIn(".symtab", sections)
        self.assertNotIn(".debug_info", sections)

    def test_without_strip_the_program_is_installed_as_it_is(self):
        # Every tool but strip.
        tools = self.path("/tools")
        tools.mkdir()
        for directory in reversed(os.environ["PATH"].split(":")):
            for tool in pathlib.Path(directory).glob("*"):
                if tool.name != "strip" and not (tools / tool.name).is_symlink():
                    (tools / tool.name).symlink_to(tool)
        done = self.install(PATH=str(tools))
        self.assertIn("strip (package binutils) is missing", done.stderr)
        binary = pathlib.Path(os.environ.get("MSD_BIN", sources.ROOT / "build/release/msd"))
        self.assertEqual(binary.read_bytes(), self.path("/usr/local/bin/msd").read_bytes())

    def test_a_second_time_changes_nothing(self):
        self.install()
        before = {path: path.stat().st_mtime_ns for path in self.root.rglob("*")}
        self.install()
        self.assertEqual(before, {path: path.stat().st_mtime_ns for path in self.root.rglob("*")})

    def test_an_edited_configuration_is_kept(self):
        self.install()
        config = self.path("/etc/msd/msd.toml")
        config.write_text('host = "10.0.0.1"\n')
        self.install()
        self.assertEqual('host = "10.0.0.1"\n', config.read_text())
        self.assertEqual(delivered(), self.path("/usr/local/share/doc/msd/msd.toml").read_text())

    def test_an_untouched_configuration_follows_the_one_delivered(self):
        self.install()
        for name in ("/etc/msd/msd.toml", "/usr/local/share/doc/msd/msd.toml"):
            self.path(name).write_text("# of an earlier version\n")
        self.install()
        self.assertEqual(delivered(), self.path("/etc/msd/msd.toml").read_text())

    def test_a_file_that_was_damaged_is_put_right(self):
        self.install()
        expected = self.files()
        self.path("/usr/local/bin/msd").write_text("x")
        self.path("/usr/local/share/man/man8/msd.8").chmod(0o600)
        self.install()
        self.assertEqual(expected, self.files())

    def test_uninstalling_leaves_nothing(self):
        self.install()
        self.install("--uninstall")
        self.assertEqual({}, self.files())
        self.install("--uninstall")

    def test_uninstalling_keeps_an_edited_configuration(self):
        self.install()
        self.path("/etc/msd/msd.toml").write_text("# mine\n")
        self.install("--uninstall")
        self.assertEqual({"etc/msd/msd.toml"}, set(self.files()))

    def test_another_prefix_is_written_into_the_units(self):
        self.install(PREFIX="/opt/msd/1.0")
        unit = self.path("/etc/systemd/system/msd-gateway.service").read_text()
        self.assertIn("ExecStart=/opt/msd/1.0/bin/msd gateway", unit)
        self.assertTrue(self.path("/opt/msd/1.0/bin/msd").is_file())
        self.assertTrue(self.path("/etc/sysusers.d/msd.conf").is_file())

    def test_wrong_calls_say_what_is_wrong_and_install_nothing(self):
        for arguments, variables, code, text in (
            ((), {"PREFIX": "relative"}, 2, "PREFIX 'relative'"),
            ((), {"PREFIX": "/a b"}, 2, "PREFIX '/a b'"),
            ((), {"DESTDIR": "x/y"}, 2, "DESTDIR 'x/y'"),
            ((), {"MSD_BIN": "/no/such/msd"}, 1, "run scripts/build first"),
            (("--frobnicate",), {}, 2, "usage:"),
        ):
            with self.subTest(text=text):
                done = self.install(*arguments, expected=code, **variables)
                self.assertIn(text, done.stderr)
        self.assertEqual({}, self.files())


class Systemd(Installed):
    def setUp(self):
        super().setUp()
        self.install()
        # The units of the system that msd's units refer to.
        shutil.copytree(HOST_UNITS, self.path(str(HOST_UNITS)), symlinks=True)

    def analyze(self, *arguments):
        return subprocess.run(
            ["systemd-analyze", f"--root={self.root}", *arguments],
            capture_output=True, text=True, check=False,
        )

    def test_every_unit_verifies_without_a_word(self):
        names = ("goods", "goods-2", "logs")
        units = [
            unit.replace("@.", f"@{name}.")
            for name in names for unit in (*SERVICES, *SOCKETS, "msd.target")
        ]
        for instance in dict.fromkeys(units):
            with self.subTest(unit=instance):
                done = self.analyze("verify", "--man=no", instance)
                said = [
                    line for line in (done.stdout + done.stderr).splitlines() if "msd" in line
                ]
                self.assertEqual(([], 0), (said, done.returncode), done.stderr)

    def test_what_is_enabled_is_started_at_boot(self):
        for unit in ("msd-distributor", "msd-gateway", "msd-service@goods", "msd.target"):
            with self.subTest(unit=unit):
                done = subprocess.run(
                    ["systemctl", f"--root={self.root}", "enable", unit],
                    capture_output=True, text=True, check=False,
                )
                self.assertEqual(0, done.returncode, done.stderr)
                name = unit if "." in unit else f"{unit}.service"
                wanted = self.path("/etc/systemd/system/multi-user.target.wants") / name
                self.assertTrue(wanted.is_symlink(), done.stderr)

    def test_uninstalling_removes_the_links_of_everything_that_was_enabled(self):
        units = (
            "msd.target", "msd-gateway", "msd-service@goods", "msd-service@goods-2",
            "msd-gateway.socket",
        )
        subprocess.run(
            ["systemctl", f"--root={self.root}", "enable", *units], check=True, capture_output=True
        )
        other = self.path("/etc/systemd/system/multi-user.target.wants/msd-other.service")
        other.symlink_to("/usr/lib/systemd/system/other.service")
        self.install("--uninstall")
        links = [path for path in self.path("/etc/systemd").rglob("*") if path.is_symlink()]
        self.assertEqual([other], links)

    def test_the_gateway_stops_before_the_services_and_they_before_the_registry(self):
        # Units stop in the reverse order of After=.
        after = {unit: self.after(unit) for unit in SERVICES}
        self.assertIn("msd-distributor.service", after["msd-gateway.service"])
        self.assertIn("msd-distributor.service", after["msd-service@.service"])
        service = self.path("/usr/local/lib/systemd/system/msd-service@.service").read_text()
        self.assertIn("Before=msd-gateway.service\n", service)

    def after(self, unit):
        text = self.path(f"/usr/local/lib/systemd/system/{unit}").read_text()
        return " ".join(re.findall(r"(?m)^After=(.*)$", text)).split()

    def test_what_starting_again_cannot_help_is_not_started_again(self):
        for unit in SERVICES:
            text = self.path(f"/usr/local/lib/systemd/system/{unit}").read_text()
            self.assertIn("RestartPreventExitStatus=2 78\n", text, unit)

    def test_the_examples_of_sockets_listen_on_loopback(self):
        for unit in SOCKETS:
            text = self.path(f"/usr/local/lib/systemd/system/{unit}").read_text()
            places = re.findall(r"(?m)^ListenStream=(.*):\d+$", text)
            self.assertEqual(["127.0.0.1", "[::1]"], places, unit)

    def test_a_wrong_unit_does_not(self):
        unit = self.path("/usr/local/lib/systemd/system/msd-gateway.service")
        unit.write_text(unit.read_text().replace("KillMode=mixed", "KillMode=mixde"))
        self.assertIn("mixde", self.analyze("verify", "--man=no", "msd-gateway.service").stderr)

    def test_every_service_is_hardened(self):
        for unit in SERVICES:
            with self.subTest(unit=unit):
                path = self.path(f"/usr/local/lib/systemd/system/{unit}")
                limit = f"--threshold={round(EXPOSURE_MAX * 10)}"
                done = subprocess.run(
                    ["systemd-analyze", "security", "--offline=true", limit, "--no-pager", path],
                    capture_output=True, text=True, check=False,
                )
                self.assertIn("Overall exposure level", done.stdout, done.stderr)
                self.assertEqual(0, done.returncode, done.stdout)

    def test_the_man_pages_that_units_name_exist(self):
        for unit in (*SERVICES, *SOCKETS, "msd.target"):
            text = self.path(f"/usr/local/lib/systemd/system/{unit}").read_text()
            self.assertIn("Documentation=man:msd(8)\n", text)
        self.assertTrue(self.path("/usr/local/share/man/man8/msd.8").is_file())


if __name__ == "__main__":
    unittest.main()
