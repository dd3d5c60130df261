# SPDX-License-Identifier: Apache-2.0
"""Tests the users that the units run as: their directories, and how the data of an earlier version,
which had one user, is given to them.
"""

import os
import shutil
import subprocess
import unittest

import installation
from installation import HOST_UNITS

STORES = ("goods", "members", "purchases", "stores")
# The user of each role; the directories of a role have its name.
USERS = {
    "distributor": "msd-registry", "gateway": "msd-gateway",
    **{name: f"msd-{name}" for name in (*STORES, "events", "logs")},
}


class Users(installation.Installed):
    def setUp(self):
        super().setUp()
        self.install()
        # The units of the system that msd's units refer to.
        shutil.copytree(HOST_UNITS, self.path(str(HOST_UNITS)), symlinks=True)

    def make_users(self):
        subprocess.run(
            ["systemd-sysusers", f"--root={self.root}"], check=True, capture_output=True
        )
        ids = lambda name: {
            line.split(":")[0]: int(line.split(":")[2])
            for line in self.path(name).read_text().splitlines()
        }
        return ids("/etc/passwd"), ids("/etc/group")

    def make_directories(self):
        subprocess.run(
            ["systemd-tmpfiles", f"--root={self.root}", "--create", "msd.conf"], check=True
        )

    def test_every_unit_runs_as_its_own_user_that_is_made(self):
        users, groups = self.make_users()
        self.assertEqual(len(USERS), len({users[name] for name in USERS.values()}))
        for unit, user in zip(installation.SERVICES, ("msd-registry", "msd-gateway", "msd-%i")):
            text = self.path(f"/usr/local/lib/systemd/system/{unit}").read_text()
            self.assertIn(f"User={user}\nGroup={user}\n", text, unit)
        members = {
            line.split(":")[0]: set(filter(None, line.split(":")[3].split(",")))
            for line in self.path("/etc/group").read_text().splitlines()
        }
        self.assertEqual(set(USERS.values()), members["msd-nodes"])
        self.assertEqual({f"msd-{name}" for name in STORES}, members["msd-store"])
        self.assertEqual(set(), members["msd"])
        self.assertIn("msd", groups)

    @unittest.skipIf(os.geteuid() != 0, "only root can give directories to users")
    def test_the_directories_belong_to_the_users_of_the_roles(self):
        users, groups = self.make_users()
        for _ in range(2):
            self.make_directories()
            for name in ("/var/lib/msd", "/run/msd", "/var/log/msd"):
                self.assertEqual((0o755, 0, 0), self.facts(name), name)
            for name in (*STORES, "events", "logs"):
                user = USERS[name]
                expected = (0o700, users[user], groups[user])
                self.assertEqual(expected, self.facts(f"/var/lib/msd/{name}"), name)
            for role, user in USERS.items():
                expected = (0o2750, users[user], groups["msd"])
                self.assertEqual(expected, self.facts(f"/run/msd/{role}"), role)

    def facts(self, name):
        facts = self.path(name).lstat()
        return facts.st_mode & 0o7777, facts.st_uid, facts.st_gid

    def split(self, expected=0):
        done = subprocess.run(
            [self.path("/usr/local/lib/msd/split-data"), self.path("/var/lib/msd")],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual(expected, done.returncode, done.stderr)
        return done.stderr

    @unittest.skipIf(os.geteuid() != 0, "only root can give files to users")
    def test_the_data_of_an_earlier_version_is_given_to_the_services(self):
        users, _ = self.make_users()
        data = self.path("/var/lib/msd")
        (data / "logs").mkdir(parents=True)
        for name in ("goods.db", "goods.db-wal", "goods.writes", "members.db", "logs/logs.0.jsonl"):
            (data / name).write_text(name)
        for directory in (data, data / "logs"):
            os.chown(directory, users["msd"], users["msd"])
        self.make_directories()
        for _ in range(2):
            self.split()
            found = {
                str(path.relative_to(data)): (path.lstat().st_uid, path.read_text())
                for path in data.rglob("*") if path.is_file()
            }
            self.assertEqual({
                "goods/goods.db": (users["msd-goods"], "goods.db"),
                "goods/goods.db-wal": (users["msd-goods"], "goods.db-wal"),
                "goods/goods.writes": (users["msd-goods"], "goods.writes"),
                "members/members.db": (users["msd-members"], "members.db"),
                "logs/logs/logs.0.jsonl": (users["msd-logs"], "logs/logs.0.jsonl"),
            }, found)
        self.assertEqual(users["msd-logs"], (data / "logs/logs").stat().st_uid)

    @unittest.skipIf(os.geteuid() != 0, "only root can give files to users")
    def test_data_is_neither_overwritten_nor_taken_through_another_name(self):
        self.make_users()
        self.make_directories()
        data = self.path("/var/lib/msd")
        other = self.path("/other")
        other.write_text("x")
        for make in (lambda: os.link(other, data / "goods.db"),
                     lambda: (data / "goods.db").symlink_to(other)):
            make()
            self.assertIn("move it by hand", self.split(1))
            self.assertEqual(0, other.stat().st_uid)
            (data / "goods.db").unlink()
        for name in ("goods.db", "goods/goods.db"):
            (data / name).write_text(name)
        self.assertIn("both exist", self.split(1))
        self.assertEqual("goods/goods.db", (data / "goods/goods.db").read_text())

    def test_an_instance_with_a_label_has_the_user_and_the_data_of_its_service(self):
        self.path("/etc/msd/goods-2.env").write_text("MSD_PORT=9011\n")
        self.path("/etc/msd/nothing-2.env").write_text("MSD_PORT=9012\n")
        subprocess.run(
            ["systemctl", f"--root={self.root}", "enable", "msd-service@members-b"],
            check=True, capture_output=True,
        )
        made = self.path("/run/systemd/generator")
        for _ in range(2):
            subprocess.run(
                [self.path("/usr/local/lib/systemd/system-generators/msd-instances"), made],
                env={**os.environ, "MSD_ROOT": str(self.root)}, check=True,
            )
            drop_ins = {str(path.relative_to(made)) for path in made.rglob("*.conf")}
            self.assertEqual({
                "msd-service@goods-2.service.d/10-user.conf",
                "msd-service@members-b.service.d/10-user.conf",
            }, drop_ins)
        text = (made / "msd-service@goods-2.service.d/10-user.conf").read_text()
        self.assertIn("User=msd-goods\n", text)
        self.assertIn("StateDirectory=\nStateDirectory=msd/goods\n", text)
        place = self.path("/etc/systemd/system/msd-service@goods-2.service.d")
        shutil.copytree(made / place.name, place)
        done = subprocess.run(
            ["systemd-analyze", f"--root={self.root}", "verify", "--man=no",
             "msd-service@goods-2.service"],
            capture_output=True, text=True, check=False,
        )
        said = [line for line in (done.stdout + done.stderr).splitlines() if "msd" in line]
        self.assertEqual(([], 0), (said, done.returncode), done.stderr)


if __name__ == "__main__":
    unittest.main()
