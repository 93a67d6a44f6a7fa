#!/usr/bin/env python3
"""How fast the platform heals and what it survives, on real processes: rows 1, 2, 6, 15 and 21 of the promises.

    tests/bench/healing.py [BUILD_FOLDER] [--rounds N] [--kills N] [--successor PROGRAM] [ROW...]

Each figure stands beside its bound and, where a peer can be measured here, the peer's. `targets.py` plays the same
promises in simulated time, over a thousand seeds. Row 2 needs root: a host is a network namespace whose link is cut.
"""
import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from daemons import DaemonCloud, NamespaceCloud

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from cloud import Cloud  # noqa: E402 (found through the path above)

PATIENCE_S = 60


def await_that(what, condition, patience=PATIENCE_S, pause=0.005):
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            sys.exit(f"not within {patience} s: {what}")
        time.sleep(pause)


class BusListener(threading.Thread):
    """Notes when messages pass over the bus: (moment, subject, payload)."""

    def __init__(self, host, port, user, password, subjects):
        super().__init__(daemon=True)
        self.heard = []
        self.socket = socket.create_connection((host, port), 10)
        login = json.dumps({"user": user, "pass": password, "verbose": False, "pedantic": False})
        lines = [f"CONNECT {login}"] + [f"SUB {subject} {i + 1}" for i, subject in enumerate(subjects)] + ["PING"]
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())
        self.socket.settimeout(None)
        self.start()

    def run(self):
        stream = self.socket.makefile("rb")
        with contextlib.suppress(OSError, ValueError):
            for line in stream:
                words = line.split()
                if words[:1] == [b"PING"]:
                    self.socket.sendall(b"PONG\r\n")
                elif words[:1] == [b"MSG"]:
                    moment = time.monotonic()
                    payload = stream.read(int(words[-1]) + 2)[:-2]
                    self.heard.append((moment, words[1].decode(), payload))

    def first_start(self, since, count=1):
        """The moment of the count-th start that was ordered since then, or None."""
        starts = [at for at, subject, _ in list(self.heard)
                  if at >= since and subject.startswith("dea.") and subject.endswith(".start") and subject.count(".") == 2]
        return starts[count - 1] if len(starts) >= count else None

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def listen(cloud):
    bus = cloud.component("bus")
    return BusListener(bus.get("host", "127.0.0.1"), bus["port"], bus.get("bus_user", ""), bus.get("bus_password", ""),
                       ["dea.*.start"])


def shown(seconds):
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def quantiles(values):
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {shown(statistics.median(ordered))}, p99 {shown(p99)}, most {shown(ordered[-1])} ({len(ordered)} times)"


def tell(row, what, said):
    print(f"{row:>3}  {what:<66} {said}", flush=True)


def serving(cloud, app, count=1):
    """The processes that answer: index -> pid, when they are that many."""
    found = {}
    for _ in range(10 * count):
        status, body = cloud.get(f"{app}.{cloud.facts['domain']}")
        if status == 200:
            said = json.loads(body)
            found[said["index"]] = said["pid"]
            if len(found) == count:
                return found
    return None


def push(cloud, app, folder=None, *arguments):
    cloud.run("push", app, "--path", folder or os.path.join(ROOT, "apps", "hello-node"), "--memory", "64M", *arguments)


# ---- Row 1: crash -> order ----------------------------------------------------------------------------------------------

def measure_crashes(cloud, rounds):
    """Apps are killed one after the other, each fewer times than would be called a crash loop."""
    listener = listen(cloud)
    values = []
    for batch in range((rounds + 9) // 10):
        app = f"victim{batch}"
        push(cloud, app, None, "--instances", "5")
        for number in range(min(10, rounds - 10 * batch)):
            pids = await_that(f"{app} serves", lambda: serving(cloud, app, 5))
            began = time.monotonic()
            os.kill(pids[number % 5], signal.SIGKILL)
            values.append(await_that("a start is ordered", lambda: listener.first_start(began), pause=0.001) - began)
            await_that("the next one serves", lambda: set((serving(cloud, app, 5) or pids).values()) != set(pids.values()))
        cloud.run("delete", app)
    listener.close()
    return values


# ---- Row 6: agents are killed, or upgraded ------------------------------------------------------------------------------

def measure_agent_ends(cloud, ends, end, seed):
    """(instances that did not survive, starts ordered, requests, those that failed): all but the third shall be none.
    The callable ends the agent of that name and starts it again."""
    random.seed(seed)
    push(cloud, "steady", None, "--instances", "8")
    before = await_that("all serve", lambda: serving(cloud, "steady", 8))
    time.sleep(3)
    listener = listen(cloud)
    began = time.monotonic()
    with Requests(cloud, "steady") as requests:
        for number in range(ends):
            time.sleep(random.uniform(0.0, 1.0))
            end(f"dea-{number % 2}")
        time.sleep(5)
    after = await_that("all serve", lambda: serving(cloud, "steady", 8))
    ordered = 0
    while listener.first_start(began, ordered + 1):
        ordered += 1
    listener.close()
    cloud.run("delete", "steady")
    return sum(before[i] != after[i] for i in before), ordered, requests.count, requests.failed


class Requests(threading.Thread):
    """A user of the app, who asks again and again."""

    def __init__(self, cloud, app):
        super().__init__(daemon=True)
        self.cloud, self.host, self.count, self.failed, self.is_over = cloud, f"{app}.{cloud.facts['domain']}", 0, 0, False

    def run(self):
        while not self.is_over:
            self.count += 1
            self.failed += ask(self.cloud.router_port(), self.host) is None
            time.sleep(0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.join()


# ---- Row 21: as a user sees it ------------------------------------------------------------------------------------------

C_SERVER = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    const char *port = getenv("PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port ? port : "0"))};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 64) != 0)
        return 1;
    for (;;) {
        char request[4096], body[80], answer[300];
        int connection = accept(listener, NULL, NULL);
        if (connection < 0 || read(connection, request, sizeof request) <= 0) {
            close(connection);
            continue;
        }
        int size = snprintf(body, sizeof body, "{\"index\":0,\"pid\":%d}\n", (int)getpid());
        size = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", size, body);
        if (write(connection, answer, (size_t)size) != size)
            return 1;
        close(connection);
    }
}
"""


def programs(folder):
    """language -> (folder to push, arguments of push, command of a bare start)"""
    c_folder = os.path.join(folder, "hello-c")
    os.makedirs(c_folder)
    with open(os.path.join(c_folder, "server.c"), "w", encoding="ascii") as file:
        file.write(C_SERVER)
    subprocess.run(["cc", "-O2", "-static", "-o", os.path.join(c_folder, "server"), os.path.join(c_folder, "server.c")],
                   check=True)
    node, python = (os.path.join(ROOT, "apps", name) for name in ("hello-node", "hello-python"))
    return {"C": (c_folder, ("--framework", "python", "--runtime", "python3", "--command", "exec ./server"),
                  [os.path.join(c_folder, "server")]),
            "Node.js": (node, (), ["node", os.path.join(node, "server.js")]),
            "Python": (python, (), ["python3", os.path.join(python, main_of(python))])}


def main_of(folder):
    return next(name for name in ("app.py", "main.py", "server.py", "web.py") if os.path.exists(os.path.join(folder, name)))


def ask(port, host):
    """The process that answers, or None."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
    except OSError:
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200" not in head.split(b"\r\n")[0]:
        return None
    start, end = body.find(b"{"), body.rfind(b"}")  # The body may come in chunks.
    return json.loads(body[start:end + 1])["pid"]


def app_process(host):
    """The process of the only instance, as this machine numbers it: in its container it has another number."""
    def is_leaf(number):
        try:
            with open(f"/proc/{number}/environ", "rb") as environment, open(f"/proc/{number}/task/{number}/children", "rb") as file:
                return host.encode() in environment.read() and not file.read()
        except OSError:
            return False
    return next((int(number) for number in os.listdir("/proc") if number.isdigit() and is_leaf(number)), None)


def kill_and_wait(pid, port, host, answers_as=None):
    """Whoever answers as the one that was killed is not the next one; in containers they all have the same number."""
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while (answer := ask(port, host)) in (None, answers_as):
        if time.monotonic() - began > PATIENCE_S:
            sys.exit(f"{host} did not come back")
        time.sleep(0.0005)
    return time.monotonic() - began, answer


def bare_supervisor(command, rounds):
    """A loop that starts the program again as soon as it has ended, and nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    loop = "import os, subprocess, sys\nwhile True: subprocess.run(sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", loop, *command], env=dict(os.environ, PORT=str(port)),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        pid = await_that("the bare program answers", lambda: ask(port, "localhost"))
        values = []
        for _ in range(rounds):
            time.sleep(0.2)
            seconds, pid = kill_and_wait(pid, port, "localhost", pid)
            values.append(seconds)
        return statistics.median(values)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def healed(cloud, app, rounds):
    """Median of that many ends, on as many apps as it takes for none to be a crash loop."""
    values = []
    for number in range(rounds):
        name = f"{app}-{number // 3}"
        host = f"{name}.{cloud.facts['domain']}"
        await_that(f"{name} serves", lambda: ask(cloud.router_port(), host))
        time.sleep(1)
        pid = await_that(f"{name} is found", lambda: app_process(host))
        values.append(kill_and_wait(pid, cloud.router_port(), host)[0])
    return statistics.median(values)


def measure_users(build, workloads, rounds):
    folder = tempfile.mkdtemp(prefix="cupola-bench-")
    try:
        known = programs(folder)
        with Cloud(os.path.join(build, "cupola"), os.path.join(folder, "cloud"), "--workloads", workloads) as cloud:
            for language, (path, arguments, command) in known.items():
                name = "".join(filter(str.isalpha, language.lower()))
                for number in range((rounds + 2) // 3):
                    push(cloud, f"{name}-{number}", path, *arguments)
                yield language, healed(cloud, name, rounds), bare_supervisor(command, rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---- Row 2: a host falls silent -----------------------------------------------------------------------------------------

def measure_silent_host(build, rounds):
    folder = tempfile.mkdtemp(prefix="cupola-bench-")
    values = []
    try:
        with NamespaceCloud(os.path.join(build, "cupola"), folder) as cloud:
            push(cloud, "shop", None, "--instances", "4")
            listener = listen(cloud)
            for _ in range(rounds):
                await_that("instances run on the host that will fall silent", cloud.is_far_host_used, pause=0.2)
                time.sleep(random.uniform(2, 3))
                began = time.monotonic()
                cloud.cut()
                values.append(await_that("a start is ordered", lambda: listener.first_start(began), pause=0.001) - began)
                await_that("all serve elsewhere", lambda: serving(cloud, "shop", 4))
                cloud.mend()
                time.sleep(3)
                cloud.run("restart", "shop")
                await_that("all serve", lambda: serving(cloud, "shop", 4))
            listener.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return values


# ---- All ----------------------------------------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build/release")
    parser.add_argument("rows", nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--successor", help="the program that DEAs are upgraded to; default: a copy of the same")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # An exception: what was started is cleaned up.
    rows = options.rows or ["1", "6", "15", "21", "2"]
    if {"1", "6"} & set(rows):
        folder = tempfile.mkdtemp(prefix="cupola-bench-")
        try:
            with DaemonCloud(os.path.join(options.build, "cupola"), folder) as cloud:
                if "1" in rows:
                    tell(1, "SIGKILL of an instance until the order of its successor (200 ms)",
                         quantiles(measure_crashes(cloud, options.rounds)))
                if "6" in rows:
                    successor = options.successor or cloud.program
                    ways = {"SIGKILL of a DEA at random moments": lambda name: cloud.kill_and_restart(name, 0.1),
                            "upgrade of a DEA": lambda name: cloud.upgrade(name, successor)}
                    for way, end in ways.items():
                        lost, ordered, asked, failed = measure_agent_ends(cloud, options.kills, end, seed=1)
                        tell(6, f"{way}, {options.kills} times, 8 instances (0)",
                             f"{lost} restarted, {ordered} starts ordered; {failed} of {asked} requests failed")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if "21" in rows:
        for workloads in ("process", "bubblewrap"):
            for language, seconds, bare in measure_users(options.build, workloads, 9):
                tell(21, f"SIGKILL of the only instance ({workloads}) until the next 200, {language} (1.2 x bare)",
                     f"{shown(seconds)}, bare supervisor {shown(bare)}: {seconds / bare:.2f} x")
    if "15" in rows:
        subprocess.run([os.path.join(ROOT, "tests", "bench", "container.sh"), options.build], check=False)
    if "2" in rows:
        if os.geteuid() != 0:
            tell(2, "silent host", "not measured: needs root")
        else:
            tell(2, "a host's link is cut until the first order elsewhere (p50 1.5, p99 3 s)",
                 quantiles(measure_silent_host(options.build, options.rounds)))


if __name__ == "__main__":
    main()
