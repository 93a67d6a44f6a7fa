"""Apps that misbehave, each in its way, beside a neighbour that must not notice: on plain processes, and in containers."""
import glob
import http.client
import json
import os
import re
import unittest

from cloud import PATIENCE
from story import APPS, CloudStory, Requests, await_that, processes_that_name, run_program

# Much for an app on a busy machine, and little for a test that waits for its end.
START_TIMEOUT_MS = 10_000 * PATIENCE
DISK_MB = 64


class StressStory(CloudStory):
    """On plain processes, which are contained by what a process, a user and a cgroup can be granted."""

    arguments = ("--deas", "1", "--routers", "1", "--workloads", "process")

    def setUp(self):
        super().setUp()
        self.wait_no_longer()
        self.push("hello-node")
        await_that("the neighbour answers", lambda: self.cloud.get(self.host("hello-node"))[0] == 200)
        self.requests = Requests(self.cloud, self.host("hello-node"))
        self.requests.__enter__()
        self.addCleanup(self.requests.__exit__)

    def tearDown(self):
        self.requests.__exit__()
        self.assertEqual(self.requests.failures, [], "the neighbour was disturbed")
        self.assertGreater(self.requests.answered, 10)
        self.assertEqual(self.cloud.run_json("crashes", "hello-node")["crashes"], [])
        super().tearDown()

    def wait_no_longer(self):
        """The DEA's next life gives apps less time to listen and to end, so that this story fits into a test."""
        [path] = glob.glob(os.path.join(self.folder, "cloud", "dea-0*.json"))
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["dea"].update(start_timeout_ms=START_TIMEOUT_MS, stop_grace_ms=1000)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.await_new_life("dea-0", self.cloud.kill("dea", 0))

    def push_stress(self, app, *arguments, memory="128M", check=True):
        path = os.path.join(APPS, "stress", app)
        self.cloud.run("push", app, "--path", path, "--memory", memory, *arguments, check=check)

    def api(self, method, path, body, token=""):
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.component("controller")["port"], timeout=60 * PATIENCE)
        headers = {"Authorization": token, "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        self.assertEqual(response.status, 200, answer)
        return answer

    def give_disk(self, app, megabytes):
        facts = self.cloud.facts
        answer = self.api("POST", f"/users/{facts['user']}/tokens", {"password": facts["password"]})
        self.api("PUT", f"/apps/{app}", {"resources": {"disk": megabytes}}, json.loads(answer)["token"])

    def explain(self, app):
        """What is known of it, for a test that fails."""
        lines = [line for line in self.log().splitlines() if app in line]
        return "\n".join([f"crashes of {app}:", self.cloud.run("crashes", app), "its logs:",
                          self.cloud.run("logs", app)[-3000:], "the cloud's log:", *lines[-30:]])

    def await_of(self, app, what, condition):
        try:
            return await_that(what, condition)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.explain(app)}") from None

    def crash_of(self, app, reason):
        """The instance that crashed for that reason: on a slow machine others may have crashed before it."""
        def found():
            crashes = self.cloud.run_json("crashes", app)["crashes"]
            return next((crash["instance"] for crash in crashes if reason in crash.get("reason", "")), None)
        instance = self.await_of(app, f"a crash of {app} is told with its reason", found)
        self.assertRegex(self.cloud.run("crashes", app), f"{instance} .*{re.escape(reason)}")
        return instance

    def last_words(self, app, words):
        """The platform's reason, in the log of the crashed instance."""
        self.await_of(app, f"the logs of {app} tell the reason", lambda: words in self.cloud.run("logs", app))

    def begin(self, app):
        """Pushes it, and lets it begin with the first request. Hundreds of processes must not want for memory first, nor
        files where they are kept in memory."""
        if app == "fills-disk":
            self.push_stress(app, "--no-start", memory="512M")
            self.give_disk(app, DISK_MB)
            self.cloud.run("start", app)
        else:
            self.push_stress(app, memory="1024M" if app == "forks-without-end" else "128M")
        self.await_of(app, f"{app} begins", lambda: self.cloud.get(self.host(app), timeout=20)[0] == 200)

    # ---- One after the other beside the same neighbour: a cloud each would take minutes ----

    def test_apps_that_misbehave_are_contained_and_explained(self):
        self.push_stress("never-binds", "--timeout", "1", check=False)
        for app, words, told in (
                ("leaks-memory", "cupola: killed: it wanted more than its 128 MB of memory", "killed: out of memory"),
                ("forks-without-end", "cupola: killed: it wanted more than", "killed: too many processes"),
                ("fills-disk", f"cupola: killed: its files outgrew its {DISK_MB} MB of disk",
                 "killed: its files outgrew its disk quota")):
            with self.subTest(app=app):
                self.begin(app)
                instance = self.crash_of(app, told)
                self.last_words(app, words)
                self.assertIn(f"-{instance} crashed: {told}", self.log())
                self.cloud.run("delete", app)
        with self.subTest(app="floods-log"):
            self.see_a_flood()
        with self.subTest(app="ignores-sigterm"):
            self.see_one_that_does_not_want_to_end()
        with self.subTest(app="binds-late"):
            self.push_stress("binds-late")
            self.assertEqual(self.cloud.get(self.host("binds-late"))[0], 200)
            self.assertEqual(self.cloud.run_json("crashes", "binds-late")["crashes"], [])
        with self.subTest(app="crashes-every-third-start"):
            self.see_one_that_often_crashes()
        with self.subTest(app="never-binds"):
            instance = self.crash_of("never-binds", "it did not come up within")
            self.assertIn(f"-{instance} crashed: it did not come up within", self.log())
            self.assertIn("thinking", self.cloud.run("logs", "never-binds"))

    def log(self):
        with open(os.path.join(self.folder, "up.log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def see_a_flood(self):
        """Every line is there, or counted as lost."""
        self.push_stress("floods-log")
        await_that("the flood is over", lambda: "the flood is over" in self.cloud.run("logs", "floods-log"))
        self.assertEqual(self.cloud.get(self.host("floods-log"))[0], 200)
        workloads = os.path.join(self.cloud.component("dea", 0)["data"], "workloads")

        def lines():
            shown, lost = [], 0
            names = glob.glob(os.path.join(workloads, "*", "root", "logs", "stdout.log*"))
            for name in sorted(names, key=lambda name: name.rpartition(".log")[2], reverse=True):
                try:
                    with open(name, encoding="utf-8") as file:
                        said = file.read()
                except FileNotFoundError:  # Rotated, or another app's that is being removed.
                    return None
                shown += [int(number) for number in re.findall(r"^line (\d+) of a flood", said, re.M)]
                lost += sum(int(count) for count in re.findall(r"^cupola: (\d+) lines .* lost: more than", said, re.M))
            return (shown, lost) if len(shown) + lost == 400_000 else None
        shown, lost = await_that("all lines are shown or counted", lines)
        self.assertEqual(shown, sorted(shown), "in order")
        self.assertGreater(lost, 0)
        self.cloud.run("delete", "floods-log")

    def see_one_that_does_not_want_to_end(self):
        self.push_stress("ignores-sigterm")
        self.cloud.run("delete", "ignores-sigterm")
        await_that("nobody answers", lambda: self.cloud.get(self.host("ignores-sigterm"))[0] != 200)
        workloads = os.path.join(self.cloud.component("dea", 0)["data"], "workloads")
        await_that("its process is gone", lambda: not any(
            "app.py" in line for line in processes_that_name(workloads).values()))

    def see_one_that_often_crashes(self):
        """It is started until it holds."""
        self.push_stress("crashes-every-third-start", "--timeout", "10", check=False)
        def runs():
            return self.cloud.get(self.host("crashes-every-third-start"))[0] == 200
        # Four crashes in a row make a pause of half a minute before the next start, and then one of a minute.
        await_that("it runs", runs, patience=150 * PATIENCE)
        self.cloud.get(self.host("crashes-every-third-start"), "/crash")
        await_that("it runs again", runs, patience=150 * PATIENCE)
        self.assertIn("cupola: ended with exit code", self.cloud.run("logs", "crashes-every-third-start"))
        self.cloud.run("delete", "crashes-every-third-start")


class ContainedStressStory(StressStory):
    """The same in containers."""

    arguments = ("--deas", "1", "--routers", "1", "--workloads", "bubblewrap")

    def setUp(self):
        code, _, why_not = run_program("run", "dea", "--workloads", "bubblewrap", "--check")
        if code != 0:
            self.skipTest(f"no containers here: {why_not.strip()}")
        super().setUp()


if __name__ == "__main__":
    unittest.main()
