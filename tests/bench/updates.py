#!/usr/bin/env python3
"""Row 17 on real processes: an app of many small instances is updated under load; scaled meanwhile, an update of it is
cancelled, and a version that ends at once is taken back. How many requests fail?

    tests/bench/updates.py [BUILD_FOLDER] [INSTANCES]

The load is wrk's, on connections that are kept: about 2,000 requests a second where the machine gives them. The same with
100 instances, in simulated time: scenarios/rolling-update-of-a-hundred.lua.
"""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from healing import await_that, programs

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from cloud import Cloud  # noqa: E402 (found through the path above)

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
INSTANCES = int(sys.argv[2]) if len(sys.argv) > 2 else 30
APP = "many"
# Each connection waits so long between an answer and its next request.
PAUSE_MS, CONNECTIONS = 30, 96


@contextlib.contextmanager
def load(cloud, folder):
    """Requests all the time; gives a dictionary that tells of them afterwards."""
    told = {}
    script = os.path.join(folder, "pace.lua")
    with open(script, "w", encoding="ascii") as file:
        file.write(f"function delay() return {PAUSE_MS} end\n")
    process = subprocess.Popen(["wrk", "-t1", f"-c{CONNECTIONS}", "-d3600s", "--timeout", "30s", "--latency", "-s", script,
                                "-H", f"Host: {host(cloud)}", f"http://127.0.0.1:{cloud.router_port()}/"],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield told
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate()[0]
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        told["requests"], told["seconds"] = re.search(r"(\d+) requests in ([\d.]+\w+)", said).groups()
        told["rate"] = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
        told["p99"] = re.search(r"^ +99% +(\S+)", said, re.M)[1]
        told["failed"] = (int(refused[1]) if refused else 0) + (sum(map(int, errors.groups())) if errors else 0)


def host(cloud):
    return f"{APP}.{cloud.facts['domain']}"


def running(cloud):
    return [one["state"] for one in cloud.run_json("instances", APP)["instances"]].count("RUNNING")


class Command:
    """A command of the client beside us."""

    def __init__(self, cloud, *words):
        environment = dict(os.environ, CUPOLA_HOME=os.path.join(cloud.folder, "home"), NO_COLOR="1")
        self.words, self.began = words, time.monotonic()
        self.process = subprocess.Popen([cloud.program, *words], env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)

    def end(self, status=0, saying=""):
        """Seconds that it took."""
        said = self.process.communicate()[0]
        if self.process.returncode != status or saying not in said:
            sys.exit(f"{' '.join(self.words)} ended with {self.process.returncode}, not {status} and '{saying}':\n{said}")
        return time.monotonic() - self.began


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="ascii") as file:
        file.write(text)


def play(cloud, folder, options):
    """Prints the phases."""
    more = INSTANCES + max(2, INSTANCES // 8)
    push = ("push", APP, "--path", folder, "--memory", "32M", *options)
    cloud.run(*push, "--instances", str(INSTANCES), "--timeout", "300")
    await_that("all instances run", lambda: running(cloud) == INSTANCES, pause=0.2)
    with load(cloud, cloud.folder) as told:
        write(folder, "version", "2\n")
        update = Command(cloud, *push, "--instances", str(INSTANCES))
        print(f"  {INSTANCES} instances updated                         {update.end():6.1f} s", flush=True)
        update = Command(cloud, "update", APP)
        time.sleep(2)
        scale = Command(cloud, "scale", APP, str(more)).end()
        print(f"  updated, scaled to {more} meanwhile              {update.end():6.1f} s, scaled in {scale:.1f} s", flush=True)
        await_that("all instances run", lambda: running(cloud) == more, pause=0.2)
        update = Command(cloud, "update", APP)
        time.sleep(2)
        began = time.monotonic()
        Command(cloud, "update", APP, "--cancel").end()
        update.end(1, "was cancelled by")
        print(f"  cancelled: until the old version has all      {time.monotonic() - began:6.1f} s", flush=True)
        write(folder, "server", "#!/bin/sh\nexit 1\n")
        write(folder, "version", "bad\n")
        bad = Command(cloud, *push, "--instances", str(more)).end(1, "did not hold")
        print(f"  a version that ends at once: taken back after {bad:6.1f} s", flush=True)
        await_that("all instances run", lambda: running(cloud) == more, pause=0.2)
    print(f"  {told['requests']} requests in {told['seconds']}, {told['rate']:.0f} a second, p99 {told['p99']}: "
          f"{told['failed']} failed (load {os.getloadavg()[0]:.0f})")
    return told["failed"]


def main():
    folder = tempfile.mkdtemp(prefix="cupola-bench-")
    try:
        app, options, _ = programs(folder)["C"]
        with Cloud(os.path.join(BUILD, "cupola"), os.path.join(folder, "run"), "--deas", "3") as cloud:
            return play(cloud, app, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
