"""Apps on a real cloud, from the push to the deletion, with the commands that people use."""
import json
import os
import shutil
import signal
import unittest

from story import APPS, CloudStory, await_that


class AppStory(CloudStory):
    arguments = ("--deas", "2", "--routers", "2", "--record")

    def test_a_node_and_a_python_app_run_scale_heal_and_their_traces_replay(self):
        self.push("hello-node", "--instances", "2")
        self.push("hello-python", "--instances", "2")
        for app, runtime in (("hello-node", "Node.js"), ("hello-python", "Python")):
            self.await_serving(app, 2)
            for router in (0, 1):
                said = json.loads(self.answer(app, router))
                self.assertEqual(said["app"], app)
                self.assertTrue(said["runtime"].startswith(runtime), said)

            self.cloud.run("scale", app, "4")
            self.assertEqual(sorted(self.await_serving(app, 4)), [0, 1, 2, 3])
            self.cloud.run("scale", app, "2")
            before = self.await_serving(app, 2)
            self.assertEqual(sorted(before), [0, 1])

            os.kill(before[1], signal.SIGKILL)
            after = self.await_serving(app, 2, without=[before[1]])
            self.assertEqual(after[0], before[0], "the other instance is the same process as before")
        self.replay_all_traces()

    def test_what_people_see_of_an_app(self):
        self.push("hello-python", "--instances", "2", "--env", "COLOR=blue")
        self.await_serving("hello-python", 2)

        self.assertIn("hello-python", self.cloud.run("apps"))
        [listed] = self.cloud.run_json("apps")
        self.assertEqual((listed["name"], listed["state"], listed["instances"]), ("hello-python", "STARTED", 2))
        self.assertEqual(self.cloud.run_json("app", "hello-python")["uris"], [self.host("hello-python")])
        self.assertIn("2/2", self.cloud.run("app", "hello-python"))

        instances = self.cloud.run_json("instances", "hello-python")["instances"]
        self.assertEqual([one["state"] for one in instances], ["RUNNING", "RUNNING"])
        self.assertEqual(self.cloud.run("instances", "hello-python").count("RUNNING"), 2)

        stats = await_that("usage is measured", lambda: self.measured_stats("hello-python", 2))
        for one in stats.values():
            self.assertEqual(one["stats"]["mem_quota"], 128 << 20)
            self.assertGreater(one["stats"]["usage"]["mem"], 1024, "more than a megabyte, in KB")
        self.assertEqual(self.cloud.run("stats", "hello-python").count("of 128 MB"), 2)

        logs = self.cloud.run_json("logs", "hello-python")["logs"]
        heard = {one["instance"] for one in logs if one["path"] == "logs/stdout.log" and "listening" in one["content"]}
        self.assertEqual(heard, {"0", "1"})
        self.assertIn("listening on port", self.cloud.run("logs", "hello-python", "--index", "1"))

        self.assertIn("app/", self.cloud.run("files", "hello-python"))
        self.assertIn("app.py", self.cloud.run("files", "hello-python", "app"))
        with open(os.path.join(APPS, "hello-python", "app.py"), encoding="utf-8") as file:
            original = file.read()
        self.assertEqual(self.cloud.run_json("files", "hello-python", "app/app.py", "--index", "1")["content"], original)

        self.assertEqual(self.cloud.run("env", "hello-python"), "COLOR=blue\n")

    def is_gone(self, host, router):
        """Routers say 503 of a host that they know from before, and 404 of one that they never knew."""
        return self.cloud.get(host, router=router)[0] in (404, 503)

    def measured_stats(self, app, count):
        stats = self.cloud.run_json("stats", app)
        return stats if sum("usage" in one.get("stats", {}) for one in stats.values()) == count else None

    def test_an_app_gets_its_environment_and_more_addresses(self):
        source = os.path.join(self.folder, "telling")
        os.makedirs(source)
        self.write("telling/app.py", TELLING_APP)
        self.push("telling", path=source)
        await_that("the app runs", lambda: self.cloud.get(self.host("telling"))[0] == 200)
        self.assertEqual(self.answer("telling"), "COLOR=None")

        self.cloud.run("env", "telling", "COLOR=green")
        self.cloud.run("restart", "telling")
        await_that("the app sees its variable", lambda: self.cloud.get(self.host("telling"))[1] == "COLOR=green")
        self.cloud.run("env", "telling", "COLOR")
        self.assertEqual(self.cloud.run_json("env", "telling")["env"], [])

        other = self.host("www")
        self.assertEqual(self.cloud.get(other)[0], 404)
        self.cloud.run("map", "telling", other)
        for router in (0, 1):
            await_that("the new address is served", lambda r=router: self.cloud.get(other, router=r)[0] == 200)
        self.cloud.run("unmap", "telling", other)
        for router in (0, 1):
            await_that("the address is gone", lambda r=router: self.is_gone(other, r))
            await_that("the first one stays", lambda r=router: self.cloud.get(self.host("telling"), router=r)[0] == 200)

    def test_a_stopped_app_is_silent_and_a_deleted_one_forgotten(self):
        self.push("hello-node")
        [first] = self.await_serving("hello-node", 1).values()
        self.cloud.run("restart", "hello-node")
        self.await_serving("hello-node", 1, without=[first])
        self.cloud.run("stop", "hello-node")
        for router in (0, 1):
            await_that("nobody answers", lambda r=router: self.is_gone(self.host("hello-node"), r))
        self.assertEqual(self.cloud.run_json("app", "hello-node")["state"], "STOPPED")
        self.cloud.run("start", "hello-node")
        self.await_serving("hello-node", 1, without=[first])
        self.cloud.run("delete", "hello-node")
        self.assertEqual(self.cloud.run_json("apps"), [])
        for router in (0, 1):
            await_that("nobody answers", lambda r=router: self.is_gone(self.host("hello-node"), r))

    def test_a_crash_is_told_with_what_the_app_said_last(self):
        self.push("hello-node")
        [pid] = self.await_serving("hello-node", 1).values()
        self.cloud.get(self.host("hello-node"), "/crash")
        self.await_serving("hello-node", 1, without=[pid])
        crashes = self.cloud.run_json("crashes", "hello-node")["crashes"]
        self.assertEqual(len(crashes), 1)
        self.assertIn(crashes[0]["instance"], self.cloud.run("crashes", "hello-node"))
        self.assertIn("asked to crash", self.cloud.run("logs", "hello-node"))

    def test_a_second_push_serves_the_new_content(self):
        source = os.path.join(self.folder, "changing")
        shutil.copytree(os.path.join(APPS, "hello-python"), source)
        self.push("changing", "--instances", "2", path=source)
        old = self.await_serving("changing", 2)
        with open(os.path.join(source, "app.py"), encoding="utf-8") as file:
            text = file.read()
        self.write("changing/app.py", text.replace('"runtime": "Python "', '"edition": 2, "runtime": "Python "'))
        self.push("changing", path=source)
        self.await_serving("changing", 2, without=old.values())
        for router in (0, 1, 0, 1):
            self.assertEqual(json.loads(self.answer("changing", router)).get("edition"), 2)


TELLING_APP = """
import os
from wsgiref.simple_server import make_server

def answer(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"COLOR={os.environ.get('COLOR')}".encode()]

make_server("", int(os.environ["PORT"]), answer).serve_forever()
"""

if __name__ == "__main__":
    unittest.main()
