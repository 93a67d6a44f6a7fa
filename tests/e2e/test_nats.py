"""The platform over somebody else's bus: a real nats-server instead of ours, each component started as a daemon."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

from cloud import Cloud
from story import PROGRAM, CloudStory, FolderStory, Requests, await_that, processes_that_name

NATS_SERVER = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")
DOMAIN = "cupola.test"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DaemonCloud(Cloud):
    """A cloud of daemons, each started by `cupola run ROLE --bus`, as an operator would. Looks like one of `cupola up`."""

    def __init__(self, program, folder, bus_count=1):
        super().__init__(program, folder)
        self.bus_ports = [free_port() for _ in range(bus_count)]
        self.route_ports = [free_port() for _ in range(bus_count)]
        self.bus_port = self.bus_ports[0]
        self.buses = [None] * bus_count
        self.daemons = []

    @property
    def bus(self):
        return self.buses[0]

    def __enter__(self):
        os.makedirs(os.path.join(self.folder, "cloud"), exist_ok=True)
        self.log = open(os.path.join(self.folder, "up.log"), "w", encoding="utf-8")
        try:
            for number in range(len(self.buses)):
                self.start_bus(number)
            self.facts = {"domain": DOMAIN, "components": [
                self.start_daemon("controller", "controller", {"cloud_controller": {
                    "external_uri": f"api.{DOMAIN}", "token_key": "e2e",
                    "bootstrap_users": [{"email": "dev@cupola.test", "password": "secret"}]}}),
                self.start_daemon("health", "health", {}),
                self.start_daemon("dea-0", "dea", self.dea_section(20000 + self.bus_port % 5000)),
                self.start_daemon("dea-1", "dea", self.dea_section(26000 + self.bus_port % 5000)),
                self.start_daemon("router-0", "router", {}),
                self.start_daemon("router-1", "router", {})]}
            await_that("the API answers", lambda: self.get(f"api.{DOMAIN}", "/info")[0] == 200)
            self.run("target", f"http://api.{DOMAIN}", "--address", f"127.0.0.1:{self.router_port()}")
            self.run("login", "dev@cupola.test", "--password", "secret")
        except BaseException:
            self.stop()
            raise
        return self

    def start_bus(self, number=0):
        """One of several knows the others' cluster addresses."""
        arguments = ["--addr", "127.0.0.1", "--port", str(self.bus_ports[number])]
        if len(self.buses) > 1:
            arguments += ["--name", f"bus-{number}", "--cluster_name", "e2e",
                          "--cluster", f"nats://127.0.0.1:{self.route_ports[number]}",
                          "--routes", ",".join(f"nats://127.0.0.1:{port}" for port in self.route_ports)]
        self.buses[number] = subprocess.Popen([NATS_SERVER, *arguments], stdout=self.log, stderr=subprocess.STDOUT,
                                              start_new_session=True)

    def dea_section(self, first_port):
        return {"dea": {"first_port": first_port, "last_port": first_port + 500, "heartbeat_ms": 1000,
                        "runtimes": [{"name": "node", "executable": "/usr/bin/node"},
                                     {"name": "python3", "executable": "/usr/bin/python3"}]}}

    def start_daemon(self, name, role, section):
        folder = os.path.join(self.folder, "cloud", name)
        os.makedirs(folder, exist_ok=True)
        paths = {key: os.path.join(folder, key) for key in ("config.json", "notify")}
        key = {"controller": "cloud_controller", "health": "health_manager"}.get(role, role)
        bus = ["--bus", f"127.0.0.1:{self.bus_port}"]
        if len(self.buses) > 1:
            bus = []
            section = {key: {**section.get(key, {}), "bus": {"servers": [{"port": port} for port in self.bus_ports]}}}
        with open(paths["config.json"], "w", encoding="utf-8") as file:
            json.dump(section, file)
        listen = [] if role in ("dea", "health") else ["--listen", "127.0.0.1:0"]
        process = subprocess.Popen(
            [self.program, "run", role, "--config", paths["config.json"], "--data", os.path.join(folder, "data"),
             *(["--workloads", "process"] if role == "dea" else []),  # Its instances tell their own process ids.
             *bus, "--notify", paths["notify"], *listen],
            stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        self.daemons.append(process)
        facts = {"name": name, "role": role, "pid": process.pid, "data": os.path.join(folder, "data")}
        if role in ("controller", "router"):
            facts["port"] = await_that(f"{name} listens", lambda: self.read_notice(paths["notify"]))
        return facts

    def read_notice(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                return json.load(file).get("listen")
        except (OSError, ValueError):
            return None

    def stop(self):
        """Apps go first: a DEA that ends leaves its instances to its next life, and there is none here."""
        for app in json.loads(self.try_run("apps", "--json")[1] or "[]") if self.facts else []:
            self.try_run("delete", app["name"])
        deadline = time.monotonic() + 15
        while self.instances() and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in [*self.daemons, *self.buses]:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for pid in self.instances():
            os.kill(pid, signal.SIGKILL)
        self.facts = None
        self.log.close()

    def instances(self):
        """Processes of instances: supervisors and apps."""
        return [pid for pid, line in processes_that_name(os.path.join(self.folder, "cloud")).items()
                if "workload-run" in line or "cupola" not in line]


class ForeignBusStory(CloudStory):
    bus_count = 1

    def setUp(self):
        FolderStory.setUp(self)
        self.cloud = DaemonCloud(PROGRAM, self.folder, self.bus_count)
        self.cloud.__enter__()
        self.addCleanup(self.cloud.stop)


@unittest.skipUnless(NATS_SERVER, "the package nats-server is not installed")
class NatsStory(ForeignBusStory):

    def test_apps_run_scale_and_heal_over_nats_server(self):
        self.push("hello-node", "--instances", "2")
        self.push("hello-python", "--instances", "2")
        self.await_serving("hello-python", 2)
        before = self.await_serving("hello-node", 2)
        os.kill(before[0], signal.SIGKILL)
        self.await_serving("hello-node", 2, without=[before[0]])
        self.cloud.run("scale", "hello-node", "3")
        self.await_serving("hello-node", 3)
        self.assertEqual(self.cloud.run_json("app", "hello-node")["runningInstances"], 3)
        self.assertEqual(len(self.cloud.run_json("stats", "hello-node")), 3)

    def test_a_killed_nats_server_costs_no_request_and_all_work_goes_on_after_its_return(self):
        self.push("hello-node", "--instances", "2")
        before = self.await_serving("hello-node", 2)
        with Requests(self.cloud, self.host("hello-node"), routers=(0, 1)) as requests:
            self.cloud.bus.kill()
            self.cloud.bus.wait()
            self.cloud.start_bus()
            await_that("every instance is known to run again",
                       lambda: (self.cloud.try_json("app", "hello-node")[1] or {}).get("runningInstances") == 2)
        self.assertEqual(requests.failures, [])
        self.assertEqual(self.await_serving("hello-node", 2), before)
        self.cloud.run("scale", "hello-node", "4")
        self.await_serving("hello-node", 4)
        self.cloud.stop()
        self.assertEqual(processes_that_name(self.folder), {})


@unittest.skipUnless(NATS_SERVER, "the package nats-server is not installed")
class NatsClusterStory(ForeignBusStory):
    bus_count = 3

    def test_of_three_nats_servers_one_may_die_at_a_time(self):
        self.push("hello-node", "--instances", "2")
        self.await_serving("hello-node", 2)
        with Requests(self.cloud, self.host("hello-node"), routers=(0, 1)) as requests:
            for number, bus in enumerate(self.cloud.buses):
                bus.kill()
                bus.wait()
                self.cloud.run("scale", "hello-node", str(3 + number))
                self.await_serving("hello-node", 3 + number)
                self.cloud.start_bus(number)
                time.sleep(1)
        self.assertEqual(requests.failures, [])
        before = self.await_serving("hello-node", 5)
        os.kill(before[0], signal.SIGKILL)
        self.await_serving("hello-node", 5, without=[before[0]])


if __name__ == "__main__":
    unittest.main()
