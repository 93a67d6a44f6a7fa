"""What the end-to-end stories share: a cloud of one's own for each test, people at the keyboard, requests that never stop.

A test starts real processes on free ports in a temporary folder and leaves nothing behind, also when it fails. It never
asserts how long something took, only that it came before a generous deadline. The environment variable CUPOLA names the
program to test (default: build/cupola).
"""
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from cloud import PATIENCE, Cloud

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
APPS = os.path.join(ROOT, "apps")
PROGRAM = os.path.abspath(os.environ.get("CUPOLA") or os.path.join(ROOT, "build", "cupola"))
PATIENCE_S = 40 * PATIENCE


def await_that(what, condition, patience=PATIENCE_S):
    """Waits until condition() is true and returns its value."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(0.05)


def run_program(*arguments, **options):
    """Runs the program; returns (exit code, standard output, standard error)."""
    options = {"capture_output": True, "text": True, "timeout": 60 * PATIENCE, "check": False, "errors": "replace", **options}
    done = subprocess.run([PROGRAM, *arguments], **options)
    return done.returncode, done.stdout, done.stderr


def is_alive(pid):
    """Whether the process runs; one that is dead and only waits for its parent does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def resident_megabytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def processes_that_name(text):
    """Command lines of processes in which the text occurs, or that work in a folder below it."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
            if text in line or os.readlink(f"/proc/{pid}/cwd").startswith(text):
                found[int(pid)] = line.strip()
        except OSError:
            continue  # It has just ended.
    return found


class Requests(threading.Thread):
    """Asks for an app without a pause, through all routers, until it is stopped; remembers what failed."""

    def __init__(self, cloud, host, routers=(0,)):
        super().__init__(daemon=True)
        self.ports = [cloud.router_port(router) for router in routers]
        self.host = host
        self.answered = 0
        self.failures = []
        self.is_stopped = threading.Event()
        self.under_way = threading.Lock()

    def run(self):
        while not self.is_stopped.is_set():
            with self.under_way:
                self.ask()
            self.is_stopped.wait(0.005)

    def ask(self):
        port = self.ports[(self.answered + len(self.failures)) % len(self.ports)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20 * PATIENCE)
        try:
            connection.request("GET", "/", headers={"Host": self.host})
            response = connection.getresponse()
            body = response.read()
            if response.status == 200:
                self.answered += 1
            else:
                self.failures.append((port, response.status, body[:100]))
        except (OSError, http.client.HTTPException) as error:
            self.failures.append((port, 0, repr(error)))
        finally:
            connection.close()

    def quiet(self):
        """In a `with` statement: no request is under way. For ends that may not be told from the request's own fault."""
        return self.under_way

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_stopped.set()
        self.join(30)


class FolderStory(unittest.TestCase):
    """A test with a temporary folder of its own."""

    maxDiff = None

    def setUp(self):
        if "CUPOLA_MAY_BE_MISSING" in os.environ and not os.path.exists(PROGRAM):
            self.skipTest(f"{PROGRAM} is not built")
        self.assertTrue(os.access(PROGRAM, os.X_OK), f"{PROGRAM} is not built; CUPOLA may name another one")
        self.folder = tempfile.mkdtemp(prefix="cupola-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return path


class CloudStory(FolderStory):
    """A test with a cloud of its own, which is up when it begins."""

    arguments = ("--deas", "2", "--routers", "2")

    def setUp(self):
        super().setUp()
        self.cloud = Cloud(PROGRAM, self.folder, *self.arguments)
        self.cloud.__enter__()
        self.addCleanup(self.cloud.stop)

    def tearDown(self):
        result = self._outcome.result
        if any(test is self for test, _ in [*getattr(result, "failures", []), *getattr(result, "errors", [])]):
            print(f"\nwhat the cloud of {self.id()} said last:\n{self.cloud.tail_of_log()}", file=sys.stderr)

    # ---- People ----

    def host(self, app):
        return f"{app}.{self.cloud.facts['domain']}"

    def push(self, app, *arguments, path=None):
        path = path or os.path.join(APPS, app)
        return self.cloud.run("push", app, "--path", path, "--memory", "128M", *arguments)

    def answer(self, app, router=0, path="/"):
        status, body = self.cloud.get(self.host(app), path, router=router, timeout=10)
        self.assertEqual(status, 200, f"{app} through router {router}: {body}")
        return body

    def serving(self, app, routers=(0, 1)):
        """The instances that answer now: index -> process."""
        found = {}
        for attempt in range(12 * len(routers)):
            status, body = self.cloud.get(self.host(app), router=routers[attempt % len(routers)])
            if status == 200:
                said = json.loads(body)
                found[said["index"]] = said["pid"]
        return found

    def await_serving(self, app, count, without=(), routers=(0, 1)):
        """Waits until exactly `count` instances answer, none of them one of the processes `without`."""
        def all_answer():
            found = self.serving(app, routers)
            return found if len(found) == count and not set(found.values()) & set(without) else None
        return await_that(f"{count} instances of {app} answer", all_answer)

    def await_new_life(self, name, old_pid):
        """Waits until `cupola up` runs that component as another process."""
        def is_new():
            self.cloud.refresh()
            return any(one["name"] == name and one["pid"] not in (0, old_pid) for one in self.cloud.facts["components"])
        await_that(f"{name} is started again", is_new)

    # ---- Afterwards ----

    def replay_all_traces(self):
        """Stops the cloud and runs every component again from what it recorded; every effect is compared."""
        self.cloud.stop()
        folder = os.path.join(self.folder, "cloud")
        traces = sorted(name for name in os.listdir(folder) if name.endswith(".trace"))
        self.assertGreaterEqual(len(traces), len(self.cloud.facts["components"]))
        for name in traces:
            with self.subTest(trace=name):
                code, said, errors = run_program("sim", "replay", os.path.join(folder, name))
                self.assertEqual(code, 0, f"{name} replays differently:\n{said[-2000:]}{errors[-2000:]}")
                self.assertIn("no difference", said)
