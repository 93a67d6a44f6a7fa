"""Apps in containers of both kinds, on machines that allow it: the same stories, and limits that hold."""
import json
import os
import signal
import unittest

from story import CloudStory, await_that, run_program

LEAKING_APP = """
import os
import threading
from wsgiref.simple_server import make_server

hoard = []

def leak():
    while True:
        hoard.append(bytearray(os.urandom(1 << 20)) * 4)

def answer(environ, start_response):
    if environ["PATH_INFO"] == "/leak":
        threading.Thread(target=leak).start()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b'{"index": %d, "pid": %d, "processes": %d, "root": %d}' % (
        int(os.environ["VCAP_APP_INDEX"] if "VCAP_APP_INDEX" in os.environ else 0), os.getpid(),
        sum(name.isdigit() for name in os.listdir("/proc")), os.path.exists("/root/.bashrc"))]

print("hoarding soon", flush=True)
make_server("", int(os.environ["PORT"]), answer).serve_forever()
"""


class ContainerStory(CloudStory):
    kind = "oci"

    def setUp(self):
        self.arguments = ("--deas", "2", "--routers", "2", "--workloads", self.kind)
        code, _, why_not = run_program("run", "dea", "--workloads", self.kind, "--check")
        if code != 0:
            self.skipTest(f"no containers here: {why_not.strip()}")
        super().setUp()

    def instances(self, app):
        """The instance ids that answer; process numbers mean nothing outside of a container."""
        found = {}
        for attempt in range(24):
            status, body = self.cloud.get(self.host(app), router=attempt % 2)
            if status == 200:
                said = json.loads(body)
                found[said["index"]] = said["instance"]
        return found

    def await_instances(self, app, count, without=()):
        def all_answer():
            found = self.instances(app)
            return found if len(found) == count and not set(found.values()) & set(without) else None
        return await_that(f"{count} instances of {app} answer", all_answer)

    def main_process(self, instance):
        """The app's first process, seen from outside: the one that has the instance's id in its environment. In bwrap's
        containers number 1 belongs to bwrap."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if instance.encode() in file.read():
                        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
                            [line] = [line for line in status if line.startswith("NSpid:")]
                        if len(line.split()) > 2 and line.split()[-1] in ("1", "2"):
                            return int(pid)
            except OSError:
                continue
        raise AssertionError(f"no container of {instance}")

    def test_apps_run_scale_and_heal_in_containers(self):
        self.push("hello-node", "--instances", "2")
        self.push("hello-python", "--instances", "2")
        self.await_instances("hello-python", 2)
        before = self.await_instances("hello-node", 2)
        self.cloud.run("scale", "hello-node", "3")
        self.await_instances("hello-node", 3)
        os.kill(self.main_process(before[0]), signal.SIGKILL)
        self.await_instances("hello-node", 3, without=[before[0]])
        self.assertIn("listening", self.cloud.run("logs", "hello-node"))

    def test_containers_outlive_their_dea(self):
        self.push("hello-node", "--instances", "2")
        before = self.await_instances("hello-node", 2)
        for index in (0, 1):
            self.await_new_life(f"dea-{index}", self.cloud.kill("dea", index))
        await_that("both are known to run",
                   lambda: (self.cloud.try_json("app", "hello-node")[1] or {}).get("runningInstances") == 2)
        self.assertEqual(self.await_instances("hello-node", 2), before)

    def test_an_app_that_leaks_is_killed_alone_and_the_reason_is_told(self):
        source = os.path.join(self.folder, "leaking")
        self.write("leaking/app.py", LEAKING_APP)
        self.push("hello-python")
        [neighbour] = self.await_instances("hello-python", 1).values()
        self.push("leaking", path=source)
        await_that("it runs", lambda: self.cloud.get(self.host("leaking"))[0] == 200)
        said = json.loads(self.answer("leaking"))
        self.assertLess(said["processes"], 10, "it sees its own processes only")

        self.cloud.get(self.host("leaking"), "/leak")
        crashes = await_that("the crash is told", lambda: self.cloud.run_json("crashes", "leaking")["crashes"])
        self.assertIn(crashes[0]["instance"], self.cloud.run("crashes", "leaking"))
        await_that("it runs again", lambda: self.cloud.get(self.host("leaking"))[0] == 200)
        self.assertIn("crashed: killed: out of memory", self.cloud.tail_of_log())
        self.assertIn(f"instance {crashes[0]['instance']}", self.cloud.run("logs", "leaking"), "its last words stay")
        self.assertEqual(self.await_instances("hello-python", 1), {0: neighbour})


class BubblewrapStory(ContainerStory):
    kind = "bubblewrap"


if __name__ == "__main__":
    unittest.main()
