"""Our bus, one server and three, as the `nats` client of npm sees it."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from story import PROGRAM, FolderStory, await_that

HERE = os.path.dirname(os.path.abspath(__file__))


def install_client(folder):
    """The module's path, or why there is none."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None, "npm is not installed"
    done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, "nats@2"],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        return None, "npm could not install the nats client: " + done.stderr[-200:]
    return os.path.join(folder, "node_modules", "nats"), None


class NatsClientStory(FolderStory):
    @classmethod
    def setUpClass(cls):
        cls.modules = tempfile.mkdtemp(prefix="cupola-npm-")
        cls.addClassCleanup(shutil.rmtree, cls.modules, ignore_errors=True)
        cls.module, why = install_client(cls.modules)
        if cls.module is None:
            raise unittest.SkipTest(why)

    def setUp(self):
        super().setUp()
        self.buses = []
        self.addCleanup(self.stop_buses)

    def stop_buses(self):
        for bus in self.buses:
            if bus["process"].poll() is None:
                bus["process"].terminate()
                bus["process"].wait(20)

    def start_bus(self, section, routes=()):
        name = f"bus-{len(self.buses)}"
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        notify = os.path.join(folder, "notify")
        section = {**section, "listen": {"port": 0}}
        if routes is not None:
            section["cluster"] = {"listen": {"port": 0}, "routes": [{"port": port} for port in routes]}
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"bus_server": section}, file)
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            process = subprocess.Popen([PROGRAM, "run", "bus", "--config", os.path.join(folder, "config.json"),
                                        "--data", os.path.join(folder, "data"), "--notify", notify],
                                       stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.buses.append({"process": process})

        def ports():
            try:
                with open(notify, encoding="utf-8") as file:
                    found = json.load(file)["all"]
                    return found if len(found) == (1 if routes is None else 2) else None
            except (OSError, ValueError, KeyError):
                return None
        await_that(f"{name} listens", ports)
        self.buses[-1]["ports"] = ports()
        return f"127.0.0.1:{ports()[0]}"

    def start_cluster(self, section=None):
        """Each server knows the first one; the others they learn."""
        servers = [self.start_bus(section or {})]
        first = self.buses[0]["ports"][1]
        servers += [self.start_bus(section or {}, [first]) for _ in range(2)]
        await_that("the servers know each other", lambda: all(self.connect_urls(server) == 3 for server in servers))
        return servers

    def connect_urls(self, server):
        host, port = server.split(":")
        with socket.create_connection((host, int(port)), 5) as line:
            info = line.makefile("rb").readline()
        return len(json.loads(info[len("INFO "):]).get("connect_urls", []))

    def check(self, name, **options):
        done = subprocess.run(["node", os.path.join(HERE, "nats_client.js"), name,
                               json.dumps({"module": self.module, **options})],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_one_server_serves_it(self):
        servers = [self.start_bus({}, None)]
        for name in ("publish", "request", "queue"):
            with self.subTest(name):
                self.check(name, servers=servers)

    def test_three_servers_serve_it_as_one(self):
        servers = self.start_cluster()
        for name in ("publish", "request", "queue"):
            with self.subTest(name):
                self.check(name, servers=servers)

    def test_it_is_told_what_it_may_not_do(self):
        key = json.loads(self.check("makekey"))
        server = self.start_bus({"users": [{"user": "dea", "password": "dea's", "profile": "dea"},
                                           {"nkey": key["key"]}]}, None)
        self.check("permissions", servers=[server], seed=key["seed"])

    def failover(self, number):
        servers = self.start_cluster()
        options = json.dumps({"module": self.module, "servers": servers})
        client = subprocess.Popen(["node", os.path.join(HERE, "nats_client.js"), "failover", options],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(client.stdout.close)
        self.assertEqual(client.stdout.readline(), "READY\n")
        self.buses[0]["process"].send_signal(number)
        self.buses[0]["process"].wait(20)
        said = client.stdout.read()
        self.assertEqual(client.wait(30), 0, said)

    def test_it_moves_to_another_server_when_its_own_is_killed(self):
        self.failover(signal.SIGKILL)

    def test_it_is_sent_to_another_server_when_its_own_stops(self):
        self.failover(signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
