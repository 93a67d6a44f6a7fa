"""Services through a real gateway on a real Redis: made, bound, used by an app, unbound, deleted; and no orphan is left
when the gateway dies."""
import os
import shutil
import socket
import subprocess
import unittest

from story import ROOT, CloudStory, await_that

APP = """
import json, os, socket
from http.server import BaseHTTPRequestHandler, HTTPServer
services = json.loads(os.environ["VCAP_SERVICES"])

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        if not services:
            said = "no service"
        else:
            one = list(services.values())[0][0]["credentials"]
            with socket.create_connection((one["hostname"], int(one["port"])), 5) as redis:
                redis.sendall(f"SELECT {one['name']}\\r\\nINCR visits\\r\\n".encode())
                lines = redis.makefile("r")
                lines.readline()
                said = "visits " + lines.readline().strip()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

HTTPServer(("0.0.0.0", int(os.environ["VCAP_APP_PORT"])), Answer).serve_forever()
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class ServiceStory(CloudStory):
    arguments = ("--service", "redis=shared")

    def setUp(self):
        super().setUp()
        self.redis_port = free_port()
        self.processes = []
        self.addCleanup(self.end_processes)
        self.start("redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "")
        self.gateway = self.start_gateway()
        await_that("the gateway offers its service", lambda: "redis 7" in self.cloud.run("services"))

    def start(self, *command):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def start_gateway(self):
        return self.start("/usr/bin/python3", os.path.join(ROOT, "services", "redis-gateway", "gateway.py"),
                          f"127.0.0.1:{self.cloud.component('controller')['port']}", "shared", str(self.redis_port))

    def end_processes(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def redis(self, *words):
        with socket.create_connection(("127.0.0.1", self.redis_port), 5) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(4096).decode()

    def test_an_app_uses_a_service_and_nothing_is_left_of_it(self):
        folder = os.path.join(self.cloud.folder, "visits")
        os.makedirs(folder)
        with open(os.path.join(folder, "app.py"), "w", encoding="utf-8") as file:
            file.write(APP)
        self.cloud.run("create-service", "redis", "counts")
        self.assertIn("counts", self.cloud.run("services"))
        self.cloud.run("push", "visits", "--path", folder)
        host = self.cloud.run_json("app", "visits")["uris"][0]
        await_that("it has none yet", lambda: self.cloud.get(host) == (200, "no service"))
        self.cloud.run("bind-service", "counts", "visits")
        self.assertEqual(["counts"], self.cloud.run_json("app", "visits")["services"])
        await_that("it counts in Redis", lambda: self.cloud.get(host)[1].startswith("visits :"))
        self.assertIn("db0:keys=1", self.redis("INFO", "keyspace"))
        self.cloud.run("push", "copy", "--path", folder, "--no-start")
        self.cloud.run("clone-services", "visits", "copy")
        self.assertEqual(["counts"], self.cloud.run_json("app", "copy")["services"])
        self.cloud.run("unbind-service", "counts", "visits")
        await_that("it has none any more", lambda: self.cloud.get(host) == (200, "no service"))
        self.gateway.kill()  # What is deleted meanwhile it hears when it is back.
        self.gateway.wait()
        self.cloud.run("delete-service", "counts")
        code, _, complained = self.cloud.try_run("create-service", "redis", "more")
        self.assertNotEqual(0, code)
        self.assertIn("503", complained)
        self.start_gateway()
        await_that("the database is empty", lambda: "db0" not in self.redis("INFO", "keyspace"))
        self.assertNotIn("counts", self.cloud.run("services"))


if __name__ == "__main__":
    unittest.main()
