"""`cupola exec` on real containers: a command has what the app has, streams and terminals reach it, and it ends in time."""
import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import termios
import time
import unittest

from story import PATIENCE_S, CloudStory, await_that

IS_ROOT = os.geteuid() == 0


class ExecStory:
    """What holds in every kind of workload."""

    kind = None
    user = None  # Within a container.

    def start(self, *command, **options):
        environment = dict(os.environ, CUPOLA_HOME=os.path.join(self.cloud.folder, "home"), NO_COLOR="1")
        return subprocess.Popen([self.cloud.program, "exec", *command], env=environment, **options)

    def exec(self, *command, given=b""):
        """(exit status, standard output, standard error) of a command with pipes."""
        with self.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            said, complained = process.communicate(given, timeout=3 * PATIENCE_S)
            return process.returncode, said, complained.decode(errors="replace")

    def test_a_command_has_what_the_app_has_and_streams_and_status_are_its_own(self):
        self.push("hello-python", "--instances", "2", "--env", "COLOR=blue")
        self.await_running("hello-python", 2)
        status, said, complained = self.exec("hello-python", "--instance", "1", "--", "sh", "-c",
                                             "echo $COLOR $VCAP_APP_PORT; pwd; ls; id -u; echo oops >&2; exit 7")
        self.assertEqual((status, complained), (7, "oops\n"), said)
        color, home, *rest = said.decode().splitlines()
        user = rest.pop()
        self.assertRegex(color, r"^blue \d+$")
        self.assertIn("app", rest)
        if self.kind == "process":
            self.assertTrue(home.startswith(os.path.realpath(self.cloud.folder)), home)
        else:
            self.assertEqual((home, user), ("/home/vcap", self.user))
        # Options behind the command are its own; input ends when ours does, and nothing of a lot is lost.
        lot = os.urandom(3 << 20)
        status, said, complained = self.exec("hello-python", "cat", "-u", given=lot)
        self.assertEqual((status, complained), (0, ""))
        self.assertTrue(said == lot, f"{len(said)} bytes of {len(lot)}")
        self.assertEqual(self.exec("hello-python", "sh", "-c", "kill -9 $$")[0], 137)
        status, said, complained = self.exec("--json", "hello-python", "--", "sh", "-c", "printf 'a\\nb\\0'; echo oops >&2; exit 3")
        self.assertEqual((status, complained), (3, ""))
        lines = [json.loads(line) for line in said.decode().splitlines()]
        self.assertEqual(lines[-1], {"exit": 3})
        self.assertEqual("".join(line.get("stdout", "") for line in lines), "a\nb\ufffd")
        self.assertEqual([line["stderr"] for line in lines if "stderr" in line], ["oops\n"])
        self.is_confined()

        status, _, complained = self.exec("hello-python", "--", "/no/such/program")
        self.assertIn(status, (126, 127, 255), complained)  # The last: runc of old.
        self.assertIn("no/such/program", complained)
        status, _, complained = self.exec("hello-python", "--instance", "9", "ls")
        self.assertEqual(status, 126)
        self.assertIn("Could not find instance: '9'", complained)

        told = [event for event in self.cloud.run_json("events", "hello-python")["events"] if event["kind"] == "command"]
        self.assertEqual((told[1]["actor"], told[1]["text"]), (self.cloud.facts["user"], "in instance 0: cat -u"))
        self.who_only_looks_may_not()

    def who_only_looks_may_not(self):
        self.cloud.run("add-user", "eve@example.org", "--password", "secret of eve")
        own_home = os.path.join(self.folder, "eve")
        mine = os.path.join(self.cloud.folder, "home")
        shutil.copytree(mine, own_home)
        self.cloud.run("login", "eve@example.org", "--password", "secret of eve")
        self.assertIn("Application not found", self.exec("hello-python", "ls")[2])
        shutil.rmtree(mine)
        shutil.copytree(own_home, mine)

    def is_confined(self):
        """Within a container the others are not seen."""
        if self.kind == "process":
            return
        _, said, _ = self.exec("hello-python", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; ls /root")
        self.assertIn("python", said.decode())
        self.assertNotIn("cupola run", said.decode())
        self.assertIn("CapEff:\t0000000000000000", self.exec("hello-python", "cat", "/proc/self/status")[1].decode())
        status = self.exec("hello-python", "cat", "/proc/self/status")[1].decode()
        self.assertIn("Seccomp:\t2", status)
        self.assertIn("NoNewPrivs:\t1", status)

    def test_a_terminal_is_a_terminal_and_the_end_of_either_side_ends_both(self):
        self.push("hello-python")
        self.await_running("hello-python", 1)
        ours, theirs = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
        shell = self.start("hello-python", "sh", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        try:
            os.set_blocking(ours, False)
            self.await_answer(ours, b"stty size\n", b"33 99")  # runc tells the size when the shell runs already.
            fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 88, 0, 0))
            os.kill(shell.pid, 28)  # SIGWINCH: of a terminal that controls nobody the kernel sends none.
            self.await_answer(ours, b"stty size\n", b"44 88")
            os.write(ours, b"sleep 76543\n")
            await_that("the shell's command runs", lambda: self.sleepers("76543"))
            os.write(ours, b"\x03")  # Ctrl-C is the command's.
            await_that("it was interrupted", lambda: not self.sleepers("76543"))
            self.await_answer(ours, b"echo $((8*8))\n", b"\n64")
            os.write(ours, b"exit 5\n")
            self.assertEqual(shell.wait(PATIENCE_S), 5)
        finally:
            shell.kill()
            shell.wait()
            os.close(ours)

        # A client that goes takes its command along.
        client = self.start("hello-python", "sleep", "98765", stdin=subprocess.PIPE)
        await_that("the command runs", lambda: self.sleepers("98765"))
        client.kill()
        client.wait()
        client.stdin.close()
        await_that("it has ended with its client", lambda: not self.sleepers("98765"))
        # So does the instance.
        client = self.start("hello-python", "sleep", "87654", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        await_that("the command runs", lambda: self.sleepers("87654"))
        self.cloud.run("stop", "hello-python")
        self.assertNotEqual(client.wait(PATIENCE_S), 0)
        client.stdin.close()
        client.stderr.close()
        await_that("it has ended with its instance", lambda: not self.sleepers("87654"))
        self.assertIn("stopped app", self.exec("hello-python", "ls")[2])

    def sleepers(self, seconds):
        """Those that are in a workload: not the clients that ask for them."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if file.read() == b"sleep\0" + seconds.encode() + b"\0":
                        found.append(pid)
            except OSError:
                continue
        return found

    def await_answer(self, terminal, question, part):
        """Asks again: what was told before the question may be on its way still."""
        deadline = time.monotonic() + PATIENCE_S
        said = b""
        while part not in said:
            self.assertLess(time.monotonic(), deadline, said)
            os.write(terminal, question)
            time.sleep(0.2)
            try:
                said += os.read(terminal, 4096)
            except BlockingIOError:
                continue

    def await_running(self, app, count):
        def all_run():
            return [one["state"] for one in self.cloud.run_json("instances", app)["instances"]] == ["RUNNING"] * count
        await_that(f"{count} instances of {app} run", all_run)


class InProcesses(ExecStory, CloudStory):
    kind = "process"
    arguments = ("--deas", "1", "--routers", "1", "--record")

    def test_a_command_has_what_the_app_has_and_streams_and_status_are_its_own(self):
        super().test_a_command_has_what_the_app_has_and_streams_and_status_are_its_own()
        self.replay_all_traces()


@unittest.skipUnless(IS_ROOT and shutil.which("bwrap"), "needs root and bubblewrap")
class InBubblewrap(ExecStory, CloudStory):
    kind = "bubblewrap"
    user = "1000"
    arguments = ("--deas", "1", "--routers", "1", "--workloads", "bubblewrap")


@unittest.skipUnless(IS_ROOT and shutil.which("runc"), "needs root and runc")
class InOci(ExecStory, CloudStory):
    kind = "oci"
    user = "0"
    arguments = ("--deas", "1", "--routers", "1", "--workloads", "oci")


if __name__ == "__main__":
    unittest.main()
