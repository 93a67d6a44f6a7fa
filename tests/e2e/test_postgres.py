"""Several controllers on one PostgreSQL: one dies in the middle of changes, the database dies and comes back."""
import os
import subprocess
import unittest

from cloud import Cloud
from story import APPS, PROGRAM, ROOT, FolderStory, await_that, run_program

SERVER = os.path.join(ROOT, "tests", "support", "postgres.sh")


class PostgresStory(FolderStory):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)  # The server runs as another user.
        place = os.path.join(self.folder, "pg")
        self.addCleanup(subprocess.run, [SERVER, "stop", place], check=False, capture_output=True)
        started = subprocess.run([SERVER, "start", place], capture_output=True, text=True, check=True)
        self.journal = started.stdout.strip()
        self.place = place
        self.cloud = Cloud(PROGRAM, self.folder, "--controllers", "2", "--deas", "1", "--journal", self.journal)
        self.cloud.__enter__()
        self.addCleanup(self.cloud.stop)

    def env_of(self, app):
        return self.cloud.run("env", app)

    def set_env(self, app, name, value):
        """Until it is acknowledged: a controller may just be dying."""
        def is_set():
            return self.cloud.try_run("env", app, f"{name}={value}")[0] == 0
        await_that(f"{name} is set", is_set)

    def test_controllers_and_the_database_die_and_nothing_acknowledged_is_lost(self):
        self.cloud.run("push", "serving", "--path", os.path.join(APPS, "hello-python"))
        self.cloud.run("push", "hello", "--path", os.path.join(APPS, "hello-python"), "--no-start")
        for number in range(6):
            self.set_env("hello", f"BEFORE_{number}", "1")
        self.cloud.kill("controller", 0)
        for number in range(6):
            self.set_env("hello", f"MEANWHILE_{number}", "1")
        subprocess.run([SERVER, "crash", self.place], check=True, capture_output=True)
        for number in range(6):
            self.set_env("hello", f"AFTER_{number}", "1")
        said = self.env_of("hello")
        for name in ("BEFORE", "MEANWHILE", "AFTER"):
            for number in range(6):
                self.assertIn(f"{name}_{number}=1", said)
        await_that("the app serves", lambda: self.cloud.get(f"serving.{self.cloud.facts['domain']}")[0] == 200)

        self.cloud.stop()
        code, said, _ = run_program("journal", "check", self.journal)
        self.assertEqual(code, 0, said)
        self.assertIn("all of them sound", said)


class JournalCommands(FolderStory):
    def exported(self):
        """A journal of three entries, made by a controller's own journal; returns its export."""
        with Cloud(PROGRAM, self.folder, "--deas", "1") as cloud:
            cloud.run("push", "hello", "--path", os.path.join(APPS, "hello-python"), "--no-start")
            self.file = self.find_journal()
        code, said, errors = run_program("journal", "export", self.file)
        self.assertEqual(code, 0, errors)
        return said

    def find_journal(self):
        for folder, _, files in os.walk(self.folder):
            if "journal.db" in files:
                return os.path.join(folder, "journal.db")
        raise AssertionError("there is no journal")

    def test_export_import_and_check(self):
        lines = self.exported()
        count = len(lines.splitlines())
        self.assertGreater(count, 2)
        other = os.path.join(self.folder, "other.db")
        code, said, errors = run_program("journal", "import", other, input=lines)
        self.assertEqual((code, said), (0, f"{count} entries imported\n"), errors)
        self.assertEqual(run_program("journal", "export", other)[1], lines)
        self.assertEqual(run_program("journal", "check", other)[1], f"{count} entries, all of them sound\n")
        code, _, errors = run_program("journal", "import", other, input=lines)
        self.assertEqual(code, 1)
        self.assertIn("is not empty", errors)
        code, _, errors = run_program("journal", "import", os.path.join(self.folder, "third.db"), input="what?\n")
        self.assertEqual(code, 1)
        self.assertIn("line 1 of standard input", errors)
        code, _, errors = run_program("journal", "check", "/nowhere/x.db")
        self.assertIn("there is no journal at /nowhere/x.db", errors)

    def test_a_cut_or_flipped_journal_is_found_and_repaired_to_the_last_whole_entry(self):
        lines = self.exported()
        with open(self.file, "rb") as file:
            whole = file.read()
        broken = 0
        for place in range(512, len(whole), max(1, len(whole) // 12)):
            for kind in ("cut", "flip"):
                with self.subTest(place=place, kind=kind):
                    damaged = whole[:place] if kind == "cut" else \
                        whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1:]
                    path = os.path.join(self.folder, "damaged.db")
                    for end in ("", "-wal", "-shm", ".damaged"):
                        if os.path.exists(path + end):
                            os.unlink(path + end)
                    with open(path, "wb") as file:
                        file.write(damaged)
                    code, said, errors = run_program("journal", "check", path, "--repair")
                    broken += "malformed" in errors or "before it are sound" in errors
                    kept = run_program("journal", "export", path)[1]
                    self.assertTrue(lines.startswith(kept), "what is kept is a beginning of what was there")
                    self.assertEqual(run_program("journal", "check", path)[0], 0, said + errors)
        self.assertGreater(broken, 5)


if __name__ == "__main__":
    unittest.main()
