"""Every framework with its sample app: pushed from its folder, called, scaled, crashed and healed, for real.

CUPOLA_FRAMEWORKS_PAGE=docs/frameworks.md writes what was measured as a page.
"""
import json
import os
import re
import signal
import subprocess
import time

from story import APPS, CloudStory, await_that, resident_megabytes

# name, memory, what its answer says of the runtime, what must be there to run it
FRAMEWORKS = [
    ("hello-node", "128M", "Node.js", "node"),
    ("hello-express", "192M", "Node.js", "npm"),
    ("hello-python", "128M", "Python", "python3"),
    ("hello-flask", "256M", "Python", "gunicorn"),
    ("hello-django", "256M", "Python", "gunicorn"),
    ("hello-sinatra", "256M", "Ruby", "ruby"),
    ("hello-rails", "256M", "Ruby", "puma"),
    ("hello-php", "128M", "PHP", "php"),
    ("hello-java", "512M", "Java", "javac"),
    ("hello-jsp", "512M", "Java", "javac"),
    ("hello-spring", "512M", "Java", "javac"),
    ("hello-groovy", "512M", "Groovy", "groovyc"),
    ("hello-scala", "512M", "Scala", "scalac"),
    ("hello-erlang", "256M", "Erlang/OTP", "erlc"),
    ("hello-static", "64M", "static files", "python3"),
    ("hello-procfile", "64M", "Perl", "perl"),
]
HEAD = """# Frameworks

Each sample app of `apps/` as `tests/e2e/test_frameworks.py` pushes it to a cloud of real processes on one machine: seconds
from `cupola push` to the first answer (staging, with its downloads and compilers, included), resident memory of one
instance's first process, and seconds from a crash of one of two instances until both answer again. Written by that test,
on two cores at a load of LOAD.

| app | runtime | push to first answer | memory of an instance | crash to both answering |
|---|---|---|---|---|
"""


def registry_answers():
    """Whether this machine can download what hello-express needs: that it cannot is no fault of the platform."""
    asked = subprocess.run(["npm", "view", "--fetch-retries=0", "express", "version"], capture_output=True, check=False)
    return asked.returncode == 0


class FrameworkStory(CloudStory):
    arguments = ("--deas", "2", "--routers", "1", "--memory", "2048")

    def said(self, app):
        """What an instance says of itself, or None."""
        status, body = self.cloud.get(self.host(app), timeout=20)
        if status != 200:
            return None
        if app == "hello-static":
            return (self.said_by_files(app) or [None])[0]
        said = json.loads(body)
        facts = said.get("application") or {"name": said.get("app"), "instance_index": said.get("index")}
        return {"app": facts["name"], "index": facts["instance_index"], "runtime": said["runtime"], "pid": said["pid"]}

    def said_by_files(self, app):
        """Of files, which say nothing of who serves them: whoever listens at the instances' ports."""
        found = []
        if "Hello." not in self.cloud.get(self.host(app), timeout=20)[1]:
            return found
        for index, stat in self.cloud.run_json("stats", app).items():
            listening = subprocess.run(["ss", "-ltnpH", f"sport = :{stat.get('stats', {}).get('port', 0)}"],
                                       capture_output=True, text=True, check=True).stdout
            found += [{"app": app, "index": int(index), "runtime": "static files", "pid": int(pid)}
                      for pid in re.findall(r"pid=(\d+)", listening)]
        return found

    def crash(self, app, process):
        if app == "hello-static":
            os.kill(process, signal.SIGKILL)
        else:
            self.cloud.get(self.host(app), "/crash", timeout=20)

    def both(self, app):
        """The processes of both instances by index, once both answer."""
        ones = self.said_by_files(app) if app == "hello-static" else [self.said(app) for _ in range(8)]
        found = {one["index"]: one["pid"] for one in ones if one is not None}
        return found if len(found) == 2 else None

    def folder_of(self, app):
        if app != "hello-spring":
            return os.path.join(APPS, app)
        folder = os.path.join(self.folder, app)
        os.makedirs(folder)
        subprocess.run([os.path.join(APPS, app, "build.sh"), os.path.join(folder, "hello.war")], check=True)
        return folder

    def live(self, app, memory, runtime):
        """The whole life of one app; returns its row of the page."""
        folder = self.folder_of(app)
        began = time.monotonic()
        self.cloud.run("push", app, "--path", folder, "--memory", memory)
        first = await_that(f"{app} answers", lambda: self.said(app))
        pushed = time.monotonic() - began
        self.assertEqual(first["app"], app)
        self.assertTrue(first["runtime"].startswith(runtime), first)
        self.cloud.run("scale", app, "2")
        before = await_that(f"two of {app} answer", lambda: self.both(app))
        megabytes = resident_megabytes(before[0])
        began = time.monotonic()
        self.crash(app, before[1])
        def is_healed():
            now = self.both(app)
            return now if now and sorted(now.values()) != sorted(before.values()) else None
        await_that(f"{app} is healed", is_healed)
        healed = time.monotonic() - began
        self.cloud.run("delete", app)
        return f"| {app} | {first['runtime']} | {pushed:.1f} s | {megabytes:.0f} MB | {healed:.1f} s |\n"

    def test_every_framework(self):
        rows, left_out = [], 0
        for app, memory, runtime, needed in FRAMEWORKS:
            with self.subTest(app=app):
                found = subprocess.run(["which", needed], capture_output=True, check=False).returncode == 0
                self.assertTrue(found, f"{needed} is not installed: ./dev test installs it")
                if needed == "npm" and not registry_answers():
                    print(f"{app}: npm's registry cannot be reached from here", flush=True)
                    left_out += 1
                    self.skipTest("no registry")
                rows.append(self.live(app, memory, runtime))
                print(rows[-1], end="", flush=True)
        self.assertEqual(len(rows) + left_out, len(FRAMEWORKS))
        page = os.environ.get("CUPOLA_FRAMEWORKS_PAGE")
        if page and left_out == 0:
            with open(page, "w", encoding="utf-8") as file:
                file.write(HEAD.replace("LOAD", f"{os.getloadavg()[1]:.0f}") + "".join(rows))
