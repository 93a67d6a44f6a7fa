"""Clouds of daemons that nobody supervises but the benchmark: it ends agents and starts them again, or cuts off their host.

Whatever happens inside of the `with` statement, no process, namespace or link is left afterwards.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from cloud import Cloud, CloudError  # noqa: E402 (found through the path above)

DOMAIN = "cupola.test"
BUS_PORT = 14222  # below the ports that the kernel gives to whoever connects


def ip(*arguments, check=True):
    subprocess.run(["ip", *arguments], check=check, stdout=subprocess.DEVNULL,
                   stderr=None if check else subprocess.DEVNULL)


class DaemonCloud(Cloud):
    """Bus, controller, health manager, router and two DEAs, each started by `cupola run`."""

    near = far = "127.0.0.1"

    def __init__(self, program, folder):
        super().__init__(program, folder)
        self.processes = {}
        self.commands = {}

    def __enter__(self):
        os.makedirs(os.path.join(self.folder, "cloud"), exist_ok=True)
        self.log = open(os.path.join(self.folder, "up.log"), "w", encoding="utf-8")
        try:
            self.make_hosts()
            self.start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def make_hosts(self):
        """They are there."""

    def remove_hosts(self):
        """They stay."""

    def far_prefix(self):
        """What a command that shall run on the far host begins with."""
        return ()

    # ---- Components ----

    def start_all(self):
        self.facts = {"domain": DOMAIN, "components": [{"name": "bus", "role": "bus", "host": self.near, "port": BUS_PORT}]}
        self.start("bus", "bus", {"bus_server": {"listen": {"host": self.near, "port": BUS_PORT}}})
        controller = {"external_uri": f"api.{DOMAIN}", "token_key": "bench", "listen": {"host": self.near},
                      "bootstrap_users": [{"email": "dev@cupola.test", "password": "secret"}]}
        self.facts["components"] += [
            self.start("controller", "controller", {"cloud_controller": controller}),
            self.start("health", "health", {}),
            self.start("router", "router", {"router": {"listen": {"host": "127.0.0.1"}}}),
            self.start("dea-0", "dea", self.dea_section(self.near, 26000)),
            self.start("dea-1", "dea", self.dea_section(self.far, 26500), prefix=self.far_prefix())]
        self.await_that("the API answers", lambda: self.get(f"api.{DOMAIN}", "/info")[0] == 200)
        self.run("target", f"http://api.{DOMAIN}", "--address", f"127.0.0.1:{self.router_port()}")
        self.run("login", "dev@cupola.test", "--password", "secret")

    def dea_section(self, host, first_port):
        return {"dea": {"listen": {"host": host}, "first_port": first_port, "last_port": first_port + 499,
                        "runtimes": [{"name": "node", "executable": "/usr/bin/node"}]}}

    def start(self, name, role, section, prefix=()):
        folder = os.path.join(self.folder, "cloud", name)
        os.makedirs(folder, exist_ok=True)
        config, notice = (os.path.join(folder, file) for file in ("config.json", "notify"))
        with open(config, "w", encoding="utf-8") as file:
            json.dump(section, file)
        bus = [] if role == "bus" else ["--bus", f"{self.near}:{BUS_PORT}"]
        kind = ["--workloads", "process"] if role == "dea" else []
        self.commands[name] = [*prefix, self.program, "run", role, "--config", config, "--data",
                               os.path.join(folder, "data"), *bus, *kind, "--notify", notice]
        self.start_process(name)
        facts = {"name": name, "role": role, "pid": self.processes[name].pid}
        if role in ("controller", "router"):
            facts["port"] = self.await_that(f"{name} listens", lambda: self.read_port(notice))
        return facts

    def start_process(self, name):
        self.processes[name] = subprocess.Popen(self.commands[name], stdout=self.log, stderr=subprocess.STDOUT,
                                                stdin=subprocess.DEVNULL, start_new_session=True)

    def kill_and_restart(self, name, pause_s):
        """SIGKILL; the next life begins so long afterwards."""
        self.processes[name].kill()
        self.processes[name].wait()
        time.sleep(pause_s)
        self.start_process(name)

    def upgrade(self, name, successor):
        """As an administrator does: stop the agent, put another program in the place of its own, start it."""
        self.processes[name].terminate()
        self.processes[name].wait(30)
        place = os.path.join(self.folder, f"{name}-program")
        shutil.copy(successor, place + ".new")
        os.replace(place + ".new", place)
        self.commands[name] = [place if word == self.program else word for word in self.commands[name]]
        self.start_process(name)

    def read_port(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                return json.load(file).get("listen")
        except (OSError, ValueError):
            return None

    def await_that(self, what, condition):
        deadline = time.monotonic() + 30
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise CloudError(f"not within 30 s: {what}\n{self.tail_of_log()}")
            time.sleep(0.05)
        return value

    def workloads_of(self, name):
        """Processes that work below its folder: supervisors and apps."""
        folder, found = os.path.join(self.folder, "cloud", name), {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/cwd").startswith(folder):
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        found[int(pid)] = file.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # It has just ended.
        return found

    def stop(self):
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = {}
        for pid in self.workloads_of(""):  # Agents that end leave them to their next life.
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.remove_hosts()
        self.log.close()


class NamespaceCloud(DaemonCloud):
    """dea-1 is on a host of its own, a network namespace: its link can be cut, and then it is silent, as with the power
    off. Needs root."""

    near, far = "10.213.77.1", "10.213.77.2"

    def __init__(self, program, folder):
        super().__init__(program, folder)
        self.name = f"cupola{os.getpid()}"[:13]

    def make_hosts(self):
        ip("netns", "add", self.name)
        ip("link", "add", f"{self.name}a", "type", "veth", "peer", "name", f"{self.name}b", "netns", self.name)
        ip("address", "add", f"{self.near}/30", "dev", f"{self.name}a")
        ip("link", "set", f"{self.name}a", "up")
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "address", "add", f"{self.far}/30", "dev", f"{self.name}b")
        self.mend()

    def cut(self):
        """Its own end goes down: from outside nothing is refused, there is just no answer."""
        ip("-n", self.name, "link", "set", f"{self.name}b", "down")

    def mend(self):
        ip("-n", self.name, "link", "set", f"{self.name}b", "up")

    def remove_hosts(self):
        ip("netns", "delete", self.name, check=False)
        ip("link", "delete", f"{self.name}a", check=False)

    def far_prefix(self):
        return ("ip", "netns", "exec", self.name)

    def is_far_host_used(self):
        return any("server.js" in line for line in self.workloads_of("dea-1").values())
