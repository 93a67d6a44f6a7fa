"""However `cupola up` ends, nothing of it is left: no process, no mount, no control group, no file."""
import os
import signal
import subprocess
import unittest

from story import APPS, PROGRAM, CloudStory, FolderStory, await_that, processes_that_name, run_program


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

        os.kill(self.cloud.process.pid, number)
        status = self.cloud.process.wait(30)
        await_that("no process is left", lambda: not processes_that_name(self.folder))
        self.assertEqual(mounts_that_name(self.folder), [])
        for name in names:
            self.assertEqual(control_groups_that_name(name), [])
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


class TemporaryFolderStory(FolderStory):
    def test_a_temporary_folder_is_gone_afterwards(self):
        environment = dict(os.environ, CUPOLA_HOME=os.path.join(self.folder, "home"), NO_COLOR="1")
        with subprocess.Popen([PROGRAM, "up", "--deas", "1"], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, start_new_session=True) as up:
            self.addCleanup(up.kill)
            said = []
            for line in up.stdout:
                said.append(line.strip())
                if line.strip().startswith("cupola apps"):
                    break
            facts = {line.split()[0]: line.split() for line in said if line}
            folder = facts["folder"][1]
            self.assertTrue(os.path.isdir(folder))
            target = next(line for line in said if line.startswith("cupola target"))
            login = next(line for line in said if line.startswith("cupola login"))
            for command in (target.split()[1:], login.split()[1:],
                            ["push", "hello", "--path", os.path.join(APPS, "hello-node")]):
                code, _, complained = run_program(*command, env=environment)
                self.assertEqual(code, 0, complained)
            up.send_signal(signal.SIGTERM)
            up.stdout.read()
            self.assertEqual(up.wait(30), 0)
        self.assertFalse(os.path.exists(folder))
        self.assertEqual(processes_that_name(folder), {})


if __name__ == "__main__":
    unittest.main()
