"""Bus servers that speak to each other through TLS, with a password: who does not know it is refused, and named."""
import json
import os
import socket
import subprocess

from edge import make_certificates
from story import PROGRAM, FolderStory, await_that


class Client:
    """A plain NATS client, line by line."""

    def __init__(self, port):
        self.line = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.line.makefile("rb")
        self.info = json.loads(self.file.readline()[len("INFO "):])
        self.say('CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n')
        self.hear("PONG")

    def say(self, text):
        self.line.sendall(text.encode())

    def hear(self, wanted):
        got = self.file.readline().decode().strip()
        assert got == wanted, f"{got}, not {wanted}"

    def close(self):
        self.file.close()
        self.line.close()


class BusMeshStory(FolderStory):
    def setUp(self):
        super().setUp()
        make_certificates(self.folder, "mesh.cupola.test")
        self.addCleanup(self.stop)
        self.buses = []

    def stop(self):
        for bus in self.buses:
            bus["process"].terminate()
            bus["process"].wait(20)

    def start(self, user="mesh", password="secret", route=None, secured=True):
        """Returns a server with its ports: for clients, for servers."""
        name = f"bus-{len(self.buses)}"
        certificate = {"name": "mesh", "ca": f"{self.folder}/ca.pem", "verify_client": True,
                       "certificate": f"{self.folder}/mesh.cupola.test.pem", "key": f"{self.folder}/mesh.cupola.test.key"}
        cluster = {"listen": {"port": 0}, "user": "mesh", "password": "secret", "reconnect_most_ms": 300}
        if secured:
            cluster["tls"] = "mesh"
        if route is not None:
            cluster["urls"] = [f"nats://{user}:{password}@127.0.0.1:{route}"]
        notify = os.path.join(self.folder, name + ".notify")
        config = self.write(name + ".json", json.dumps({
            "driver": {"tls": [certificate], "spin_us": 50}, "bus_server": {"listen": {"port": 0}, "cluster": cluster}}))
        bus = {"log": os.path.join(self.folder, name + ".log")}
        with open(bus["log"], "w", encoding="utf-8") as log:
            bus["process"] = subprocess.Popen(
                [PROGRAM, "run", "bus", "--config", config, "--data", os.path.join(self.folder, name),
                 "--notify", notify], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.buses.append(bus)

        def ports():
            try:
                with open(notify, encoding="utf-8") as file:
                    found = json.load(file)["all"]
                    return found if len(found) == 2 else None
            except (OSError, ValueError):
                return None
        bus["ports"] = await_that(f"{name} listens on both ports", ports)
        return bus

    def log_of(self, bus):
        with open(bus["log"], encoding="utf-8") as file:
            return file.read()

    def servers_known(self, bus):
        client = Client(bus["ports"][0])
        client.close()
        return len(client.info["connect_urls"])

    def test_a_server_that_looks_for_more_sleeps_in_the_end(self):
        bus = self.start()
        client = Client(bus["ports"][0])
        self.addCleanup(client.close)

        def sleeps():
            with open(f"/proc/{bus['process'].pid}/status", encoding="ascii") as file:
                return int(next(line.split()[1] for line in file if line.startswith("voluntary_ctxt_switches")))
        for _ in range(3):
            before = sleeps()
            client.say("PING\r\n")
            client.hear("PONG")
            await_that("it sleeps again", lambda: sleeps() > before)

    def test_a_message_crosses_and_strangers_do_not(self):
        first = self.start()
        second = self.start(route=first["ports"][1])
        await_that("the two have met", lambda: self.servers_known(first) == self.servers_known(second) == 2)
        listener, speaker = Client(first["ports"][0]), Client(second["ports"][0])
        self.addCleanup(listener.close)
        self.addCleanup(speaker.close)
        listener.say("SUB news 1\r\nPING\r\n")
        listener.hear("PONG")

        def has_interest():
            speaker.say("PUB news 2\r\nhi\r\nPING\r\n")
            speaker.hear("PONG")
            listener.line.settimeout(0.2)
            try:
                return listener.file.readline() == b"MSG news 1 2\r\n"
            except TimeoutError:
                listener.file.close()
                listener.file = listener.line.makefile("rb")
                return False
            finally:
                listener.line.settimeout(10)
        await_that("what one says is heard at the other", has_interest)

        # What crosses is no plain text, and nobody is greeted who shows no certificate.
        with socket.create_connection(("127.0.0.1", first["ports"][1]), 10) as line:
            line.sendall(b'INFO {"server_id":"0"}\r\n')
            self.assertNotIn(b"INFO", line.recv(4096))

        wrong = self.start(password="wrong", route=first["ports"][1])
        await_that("the wrong password is refused by name",
                   lambda: "is not allowed in: wrong user or password" in self.log_of(first))
        await_that("and the refused one says so", lambda: "says 'Authorization Violation'" in self.log_of(wrong))
        plain = self.start(route=first["ports"][1], secured=False)
        await_that("who comes without TLS is not let in",
                   lambda: "cluster: no connection to 127.0.0.1" in self.log_of(plain))
        self.assertEqual([self.servers_known(bus) for bus in (first, second, wrong, plain)], [2, 2, 1, 1])
