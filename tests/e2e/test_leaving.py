"""However `cupola up` ends, nothing of it is left: no process, no mount, no control group, no file."""
import os
import signal
import subprocess
import unittest

from story import PROGRAM, ROOT, CloudStory, FolderStory, await_that, processes_that_name, run_program


def mounts_that_name(text):
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        return [line for line in file if text in line]


def control_groups_that_name(text):
    """Control groups hold an instance's id in their name: see the DEA's workload folders."""
    return [os.path.join(place, name) for place, names, _ in os.walk("/sys/fs/cgroup") for name in names if text in name]


class EndStory(CloudStory):
    """Clouds in a folder that stays, ended by a signal."""

    def end_and_look(self, number):
        self.push("hello-node", "--instances", "2")
        self.push("hello-python", "--instances", "2")
        for app in ("hello-node", "hello-python"):
            self.await_serving(app, 2)
        self.assertGreaterEqual(len(processes_that_name(self.folder)), 7 + 4, "components and instances")
        names = [name for dea in (0, 1) for name in self.workloads(dea)]
        self.assertEqual(len(names), 4)
        if "oci" in self.arguments:
            self.assertTrue(all(control_groups_that_name(name) for name in names))

        os.kill(self.cloud.process.pid, number)
        status = self.cloud.process.wait(30)
        await_that("no process is left", lambda: not processes_that_name(self.folder))
        await_that("no mount is left", lambda: not mounts_that_name(self.folder))
        for name in names:
            await_that("no control group is left", lambda n=name: not control_groups_that_name(n))
        await_that("no instance's files are left", lambda: self.workloads(0) + self.workloads(1) == [])
        return status

    def workloads(self, dea):
        folder = os.path.join(self.cloud.component("dea", dea)["data"], "workloads")
        return [name for name in os.listdir(folder) if not name.startswith(".")] if os.path.exists(folder) else []

    def test_sigterm_ends_it_all(self):
        self.assertEqual(self.end_and_look(signal.SIGTERM), 0)

    def test_ctrl_c_ends_it_all(self):
        self.assertEqual(self.end_and_look(signal.SIGINT), 0)

    def test_when_it_is_killed_components_and_instances_go_with_it(self):
        self.assertEqual(self.end_and_look(signal.SIGKILL), -signal.SIGKILL)


class ContainerEndStory(EndStory):
    """The same with containers: mounts and control groups have to go too."""

    arguments = (*CloudStory.arguments, "--workloads", "oci")

    def setUp(self):
        code, _, why_not = run_program("run", "dea", "--workloads", "oci", "--check")
        if code != 0:
            self.skipTest(f"no containers here: {why_not.strip()}")
        super().setUp()


class TemporaryFolderStory(FolderStory):
    def test_a_temporary_folder_is_gone_afterwards(self):
        log = self.write("up.log", "")
        with open(log, "w", encoding="utf-8") as output:
            up = subprocess.Popen([PROGRAM, "up", "--deas", "1"], stdout=output, stderr=output, start_new_session=True)
        self.addCleanup(up.wait)
        self.addCleanup(up.kill)

        def welcome():
            with open(log, encoding="utf-8") as file:
                said = file.read()
            return said if "Ctrl-C ends it all" in said else None
        lines = [line.split() for line in await_that("it is up", welcome).splitlines() if line.strip()]
        [folder] = [words[1] for words in lines if words[0] == "folder"]
        self.assertTrue(os.path.isdir(folder))
        # People copy what they are told to try.
        commands = [words[1:] for words in lines if words[0] == "cupola" and words[1] in ("target", "login", "push")]
        self.assertEqual(len(commands), 3)
        for command in commands:
            self.assertEqual(self.run_at_home(*command)[0], 0, command)

        up.send_signal(signal.SIGTERM)
        self.assertEqual(up.wait(30), 0)
        self.assertFalse(os.path.exists(folder))
        await_that("no process is left", lambda: not processes_that_name(folder))

    def run_at_home(self, *arguments):
        return run_program(*arguments, cwd=ROOT, env=dict(os.environ, CUPOLA_HOME=os.path.join(self.folder, "home")))


if __name__ == "__main__":
    unittest.main()
