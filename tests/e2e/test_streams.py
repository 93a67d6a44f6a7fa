"""What goes on while one watches: the stager's log as it is written, and events as they happen."""
import http.client
import json
import os
import subprocess
import time

from story import CloudStory

COMPILE = """#!/bin/sh
echo "looking at it"
while [ ! -e "$2/go" ] && [ "$((waited=waited+1))" -lt 600 ]; do sleep 0.1; done
rm -f "$2/go"
echo "done with it"
[ ! -f "$1/bad" ] || { echo "it is bad" >&2; exit 3; }
"""
SERVER = """#!/bin/sh
echo 'exec "$runtime" -m http.server "$PORT"'
"""
STAGERS = os.path.join("/tmp", f"cupola-stagers-{os.getpid()}")


def write(path, content):
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    os.chmod(path, 0o755)


class StreamStory(CloudStory):
    arguments = ("--deas", "1", "--stagers", STAGERS)

    @classmethod
    def setUpClass(cls):
        os.makedirs(os.path.join(STAGERS, "python"))
        write(os.path.join(STAGERS, "python", "compile"), COMPILE)
        write(os.path.join(STAGERS, "python", "release"), SERVER)
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", STAGERS], check=False)
        super().setUpClass()

    def let_stager_go(self):
        """The stager waits for a file in its cache, which only it and root can write."""
        data = os.path.join(self.cloud.folder, "cloud")
        for _ in range(600):
            for folder, names, _ in os.walk(data):
                if os.path.basename(folder) == "stage_cache" and "python" in names:
                    write(os.path.join(folder, "python", "go"), "")
                    return
            time.sleep(0.1)
        self.fail("no stager has begun")

    def push(self, app):
        environment = dict(os.environ, CUPOLA_HOME=os.path.join(self.cloud.folder, "home"), NO_COLOR="1")
        return subprocess.Popen([self.cloud.program, "push", "shop", "--path", app, "--framework", "python"],
                                env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def read_until(self, push, wanted):
        said = []
        for line in push.stdout:
            said.append(line.rstrip("\n"))
            if said[-1] == wanted:
                return said
        return self.fail(f"never said {wanted!r}, but {said}")

    def test_the_stager_is_heard_while_it_works(self):
        app = os.path.join(self.cloud.folder, "app")
        os.makedirs(app, exist_ok=True)
        write(os.path.join(app, "x.py"), "1\n")
        with self.push(app) as push:
            self.read_until(push, "| looking at it")  # And no more, as long as nobody lets it go on.
            self.let_stager_go()
            self.read_until(push, "| done with it")
            self.assertIn("shop runs at", push.stdout.read())
        write(os.path.join(app, "bad"), "")
        with self.push(app) as push:
            self.read_until(push, "| looking at it")
            self.let_stager_go()
            said = self.read_until(push, "| Staging failed: compile ended with exit status 3")
            self.assertIn("| it is bad", said)
            push.stdout.read()
        self.assertEqual(push.returncode, 1)

    def test_events_are_followed_until_one_has_seen_enough(self):
        app = os.path.join(self.cloud.folder, "shown")
        os.makedirs(app, exist_ok=True)
        write(os.path.join(app, "index.html"), "hello\n")
        self.cloud.run("push", "shown", "--path", app, "--framework", "static")
        environment = dict(os.environ, CUPOLA_HOME=os.path.join(self.cloud.folder, "home"), NO_COLOR="1")
        with subprocess.Popen([self.cloud.program, "events", "shown", "--follow"], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as events:
            self.read_line_with(events, "created")
            self.cloud.run("scale", "shown", "2")
            self.read_line_with(events, "2 instances instead of 1")
            events.terminate()

    def read_line_with(self, process, part):
        said = []
        for line in process.stdout:
            said.append(line)
            if part in line:
                return
        self.fail(f"never said {part!r}, but {said}")

    def test_zz_whoever_logs_out_has_to_log_in_again(self):
        self.assertIn("Logged out of", self.cloud.run("logout"))
        self.assertIn("Nobody is logged in", self.cloud.run("logout"))
        code, _, complaint = self.cloud.try_run("apps")
        self.assertNotEqual(code, 0, complaint)
        self.assertIn("not logged in", self.cloud.run("targets"))
        self.cloud.run("register", "ada@example.org", "--password", "a first secret")
        self.assertIn("is changed", self.cloud.run("passwd", "--password", "a second secret"))
        self.assertNotEqual(self.cloud.try_run("login", "ada@example.org", "--password", "a first secret")[0], 0)
        self.cloud.run("login", "ada@example.org", "--password", "a second secret")
        self.cloud.run("apps")
        kept = self.cloud.run("tokens", "--json")
        self.assertIn("Logged out of", self.cloud.run("logout", "--everywhere"))
        asked = http.client.HTTPConnection("127.0.0.1", self.cloud.router_port(), timeout=20)
        asked.request("GET", "/apps", headers={"Host": "api." + self.cloud.facts["domain"],
                                               "Authorization": json.loads(kept)[0]["token"]})
        self.assertEqual(asked.getresponse().status, 403)
        asked.close()
        self.assertIn("bounce\t", self.cloud.run("completion", "words", "bou"))
