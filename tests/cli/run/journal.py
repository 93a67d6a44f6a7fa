#!/usr/bin/python3
"""What `cupola journal` makes of sound and of damaged journals: entries, and the snapshots beside them."""

import hashlib
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import unittest

CUPOLA = os.environ["CUPOLA"]


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def user_entry(n):
    user = field(1, b"user%d@example.org" % n) + field(2, b"hash")
    return field(5, field(1, user))


def snapshot(upto, users=None):
    head = b"".join(field(i, v) for i, v in enumerate([upto, 0, 0, 0, 0, 0, upto], 1))
    items = [field(18, head)] + [user_entry(n) for n in (users or range(1, upto + 1))]
    return b"".join(struct.pack("<I", len(item)) + item for item in items)


def checksum(sequence, data):
    return hashlib.sha1(struct.pack("<Q", sequence) + data).digest()


class Journals(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cupola-journal-")
        self.place = self.folder + "/journal.db"

    def tearDown(self):
        shutil.rmtree(self.folder)

    def run_it(self, *arguments, stdin=b""):
        return subprocess.run([CUPOLA, "journal", *arguments], input=stdin, capture_output=True, timeout=60)

    def expect(self, status, text, *arguments, stdin=b""):
        done = self.run_it(*arguments, stdin=stdin)
        told = (done.stdout + done.stderr).decode()
        self.assertEqual(done.returncode, status, told)
        self.assertIn(text, told)
        return done.stdout

    def make(self, count=10, snapshots=()):
        lines = b"".join(b'{"sequence":%d,"data":"%s"}\n' % (n, user_entry(n).hex().encode()) for n in range(1, count + 1))
        self.expect(0, "%d entries imported" % count, "import", self.place, stdin=lines)
        for upto in snapshots:
            self.store(upto, snapshot(upto))
        if len(snapshots) > 1:
            self.sql("DELETE FROM entries WHERE sequence <= %d" % snapshots[-2])
        return lines

    def sql(self, statement, *values):
        with sqlite3.connect(self.place) as file:
            file.execute(statement, values)
        file.close()

    def store(self, upto, data):
        self.sql("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", upto, data, checksum(upto, data))

    def damage(self, table, sequence):
        self.sql("UPDATE %s SET data = CAST('no' AS BLOB) WHERE sequence = %d" % (table, sequence))

    def test_without_snapshots(self):
        lines = self.make()
        self.expect(0, "10 entries, all of them sound", "check", self.place)
        self.assertEqual(self.expect(0, "", "export", self.place), lines)

    def test_with_two_snapshots(self):
        lines = self.make(10, [4, 8])
        self.expect(0, "the snapshot of entry 4 and 6 entries, all of them sound", "check", self.place)
        exported = self.expect(0, "", "export", self.place)
        self.assertEqual(exported.splitlines()[0], b'{"snapshot":4,"data":"%s"}' % snapshot(4).hex().encode())
        self.assertEqual(exported.splitlines()[1:], lines.splitlines()[4:])
        other = self.folder + "/other.db"
        self.expect(0, "the snapshot of entry 4 and 6 entries imported", "import", other, stdin=exported)
        self.assertEqual(self.expect(0, "", "export", other), exported)
        self.expect(1, "that journal is not empty", "import", other, stdin=exported)

    def test_the_first_snapshot_stands_beside_all_entries(self):
        lines = self.make(10, [6])
        self.expect(0, "10 entries, all of them sound", "check", self.place)
        self.assertEqual(self.expect(0, "", "export", self.place), lines)

    def test_a_damaged_newer_snapshot_is_left_out(self):
        self.make(10, [4, 8])
        self.damage("snapshots", 8)
        self.expect(1, "the snapshot of entry 8 is damaged", "check", self.place)
        self.expect(0, "the snapshot of entry 4 and the 6 entries after it are kept", "check", self.place, "--repair")
        self.expect(0, "the snapshot of entry 4 and 6 entries, all of them sound", "check", self.place)

    def test_a_damaged_older_snapshot_costs_nothing(self):
        self.make(10, [4, 8])
        self.damage("snapshots", 4)
        self.expect(1, "the snapshot of entry 4 is damaged", "check", self.place)
        self.expect(0, "the snapshot of entry 8 and the 2 entries after it are kept", "check", self.place, "--repair")
        self.expect(0, "the snapshot of entry 8 and 2 entries, all of them sound", "check", self.place)

    def test_a_damaged_entry_that_a_snapshot_stands_for(self):
        self.make(10, [4, 8])
        self.damage("entries", 6)
        self.expect(1, "entry 6 is damaged", "check", self.place)
        self.expect(0, "the snapshot of entry 8 and the 2 entries after it are kept", "check", self.place, "--repair")
        self.assertTrue(os.path.exists(self.place + ".damaged"))

    def test_a_damaged_entry_after_all_snapshots(self):
        self.make(10, [4, 8])
        self.damage("entries", 10)
        self.expect(1, "entry 10 is damaged", "check", self.place)
        self.expect(0, "the snapshot of entry 4 and the 5 entries after it are kept", "check", self.place, "--repair")
        self.expect(0, "the snapshot of entry 4 and 5 entries, all of them sound", "check", self.place)
        with sqlite3.connect(self.place) as file:
            self.assertEqual(file.execute("SELECT count(*) FROM snapshots").fetchone()[0], 2)
        file.close()

    def test_a_snapshot_that_says_something_else_than_the_entries(self):
        self.make(10, [4])
        self.store(8, snapshot(8, users=[1, 2, 3, 4, 5, 6, 7, 9]))
        self.expect(1, "the snapshot of entry 8 is not what the entries come to", "check", self.place)
        self.expect(0, "the first 10 entries are kept", "check", self.place, "--repair")
        self.expect(0, "10 entries, all of them sound", "check", self.place)

    def test_nothing_sound_to_begin_with(self):
        self.make(10, [4, 8])
        self.damage("snapshots", 4)
        self.damage("snapshots", 8)
        self.expect(1, "restore a backup", "check", self.place, "--repair")
        self.assertFalse(os.path.exists(self.place + ".damaged"))

    def test_a_damaged_first_page_costs_nothing(self):
        lines = self.make(40)
        with open(self.place, "rb") as file:
            whole = file.read()
        for place in [0, 17, 18, 30, 45, 56, 95, 100, 103, 106, 109] + list(range(3700, 4096, 66)):
            with self.subTest(place=place):
                with open(self.place, "wb") as file:
                    file.write(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1:])
                self.run_it("check", self.place, "--repair")
                self.expect(0, "40 entries, all of them sound", "check", self.place)
                self.assertEqual(self.expect(0, "", "export", self.place), lines)
        self.assertEqual([one for one in os.listdir(self.folder) if "readable" in one], [])

    def test_an_entry_that_no_controller_wrote(self):
        self.make(3)
        self.sql("INSERT INTO entries VALUES (4, ?, ?)", b"\xff", checksum(4, b"\xff"))
        self.expect(1, "entry 4 is no entry of a controller", "check", self.place)
        self.expect(0, "the first 3 entries are kept", "check", self.place, "--repair")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
