#!/usr/bin/env python3
"""From `cupola push` to the first answered request, beside a bare `node app.js` start of the same program.

Cold: the first push to a cloud that has just been made, with Node.js, the stagers and our own program read from the disk
(but for what others have mapped). Warm: later ones, of new bits each, or of bits that the cloud has staged for another app.

    tests/bench/push.py [BUILD_FOLDER] [ROUNDS]
"""
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from cloud import Cloud  # noqa: E402 (found through the path above)

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
APP = os.path.join(ROOT, "apps", "hello-node")


def bare_start():
    """Seconds from the start of a bare node process until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.monotonic()
    process = subprocess.Popen(["node", os.path.join(APP, "server.js")], env=dict(os.environ, PORT=str(port)),
                               stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return time.monotonic() - began
            except OSError:
                time.sleep(0.001)
    finally:
        process.kill()
        process.wait()


def forget_pages(*places):
    """So that files are read from the disk again."""
    for place in places:
        for folder, _, names in os.walk(place) if os.path.isdir(place) else [(os.path.dirname(place), [], [os.path.basename(place)])]:
            for name in names:
                descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)


def new_bits(folder, number):
    """The app with one file that nobody has seen yet."""
    path = os.path.join(folder, f"bits-{number}")
    shutil.copytree(APP, path)
    with open(os.path.join(path, "number"), "w", encoding="ascii") as file:
        file.write(f"{number} {os.urandom(8).hex()}\n")
    return path


def push_cold(program, folder, number):
    """To a cloud of its own."""
    with Cloud(program, os.path.join(folder, f"cold-{number}")) as cloud:
        forget_pages(os.path.realpath(shutil.which("node")), os.path.join(ROOT, "stagers"), program, APP)
        return push(cloud, "first")


def push(cloud, name, path=APP):
    began = time.monotonic()
    cloud.run("push", name, "--path", path)
    while cloud.get(f"{name}.{cloud.facts['domain']}")[0] != 200:
        time.sleep(0.002)
    return time.monotonic() - began


def kill_only_instance(cloud, name):
    """Seconds from SIGKILL of the only instance until the next 200."""
    host = f"{name}.{cloud.facts['domain']}"
    pid = json.loads(cloud.get(host)[1])["pid"]
    began = time.monotonic()
    os.kill(pid, 9)
    while True:
        status, body = cloud.get(host)
        if status == 200 and json.loads(body)["pid"] != pid:
            return time.monotonic() - began
        time.sleep(0.002)


def main():
    folder = tempfile.mkdtemp(prefix="cupola-bench-")
    try:
        program = os.path.abspath(os.path.join(BUILD, "cupola"))
        cold = statistics.median(push_cold(program, folder, i) for i in range(ROUNDS))
        with Cloud(program, os.path.join(folder, "warm")) as cloud:
            bare = statistics.median(bare_start() for _ in range(ROUNDS))
            warm = statistics.median(push(cloud, f"new{i}", new_bits(folder, i)) for i in range(ROUNDS))
            known = statistics.median(push(cloud, f"hello{i}") for i in range(ROUNDS))
            again = statistics.median(push(cloud, "hello0") for _ in range(ROUNDS))
            healed = statistics.median(kill_only_instance(cloud, "hello0") for _ in range(ROUNDS))
        print(f"medians of {ROUNDS}")
        print(f"  bare `node server.js` until it accepts          {bare * 1000:8.0f} ms")
        print(f"  push to a new cloud, from the disk, to 200      {cold * 1000:8.0f} ms   {cold / bare:5.2f} x bare")
        print(f"  push of a new app, new bits, to 200             {warm * 1000:8.0f} ms   {warm / bare:5.2f} x bare")
        print(f"  push of a new app, bits known, to 200           {known * 1000:8.0f} ms   {known / bare:5.2f} x bare")
        print(f"  push of the same bits again to the first 200    {again * 1000:8.0f} ms   {again / bare:5.2f} x bare")
        print(f"  SIGKILL of the only instance to the next 200    {healed * 1000:8.0f} ms   {healed / bare:5.2f} x bare")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
