"""Strangers at every door: halves of requests and random bytes, while others are served. Also for the sanitized build."""
import os
import random
import resource
import socket
import time
import unittest

from story import APPS, CloudStory, Requests, await_that, is_alive, resident_megabytes

STRANGERS = 1000
RESIDENT_MEGABYTES_MOST = 200
IS_SANITIZED = "asan" in os.path.basename(os.path.dirname(os.environ.get("CUPOLA", "")))
LISTENING = "0A"


def listening_ports(pid):
    """TCP ports on which the process listens, IPv4 and IPv6."""
    sockets = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as file:
            for line in file.readlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and fields[9] in sockets:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return sorted(ports)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


class StrangerStory(CloudStory):
    def setUp(self):
        super().setUp()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
        self.strangers = []
        self.addCleanup(self.send_strangers_away)
        self.push("hello-node")
        self.await_serving("hello-node", 1)
        self.pids = {one["name"]: one["pid"] for one in self.cloud.facts["components"]}

    def send_strangers_away(self):
        for stranger in self.strangers:
            stranger.close()
        self.strangers.clear()

    def test_a_thousand_halves_of_requests_leave_the_router_up_and_small(self):
        half = b"POST /upload HTTP/1.1\r\nHost: " + self.host("hello-node").encode() + b"\r\nContent-Le"
        self.leave_strangers_at("router-0", self.cloud.router_port(0), half)

    def test_a_thousand_halves_of_bodies_leave_the_router_up_and_small(self):
        """They reach the app behind, whose own backlog may overflow: whom others ask for is another one."""
        self.push("besieged", path=os.path.join(APPS, "hello-node"))
        await_that("it runs", lambda: self.cloud.get(self.host("besieged"))[0] == 200)
        half = (b"POST / HTTP/1.1\r\nHost: " + self.host("besieged").encode() +
                b"\r\nContent-Length: 1000000\r\n\r\n" + 2000 * b"x")
        self.leave_strangers_at("router-0", self.cloud.router_port(0), half)

    def test_a_thousand_halves_of_messages_leave_the_bus_up_and_small(self):
        port = self.cloud.component("bus")["port"]
        half = (b'CONNECT {"verbose":false,"user":"operator","pass":"%s"}\r\nSUB a.> 1\r\nPUB a.b 100000\r\n' %
                self.cloud.component("bus")["bus_password"].encode() + 2000 * b"x")
        self.leave_strangers_at("bus", port, half)

    def leave_strangers_at(self, name, port, half):
        with Requests(self.cloud, self.host("hello-node"), routers=(0, 1)) as requests:
            for _ in range(STRANGERS):
                stranger = connect(port)
                stranger.sendall(half)
                self.strangers.append(stranger)
            served = requests.answered
            await_that("others are served meanwhile", lambda: requests.answered > served + 20)
            self.cloud.run("scale", "hello-node", "2")
            self.await_serving("hello-node", 2)
            size = resident_megabytes(self.pids[name])
            self.send_strangers_away()
        self.assertEqual(requests.failures, [])
        self.assert_all_live()
        if not IS_SANITIZED:
            self.assertLess(size, RESIDENT_MEGABYTES_MOST)

    def test_random_bytes_at_every_door_kill_nobody(self):
        doors = [(name, port) for name, pid in self.pids.items() for port in listening_ports(pid)]
        self.assertEqual({name for name, _ in doors}, set(self.pids), "every component listens somewhere")
        noise = random.Random(2011)
        starts = [b"", b"GET / HTTP/1.1\r\n", b"POST /apps HTTP/1.1\r\nHost: " + self.host("api").encode() + b"\r\n",
                  b"CONNECT {}\r\n", b"CONNECT {}\r\nPUB dea.heartbeat ", b"CONNECT {}\r\nSUB ",
                  b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"]
        for name, port in doors:
            for attempt in range(40):
                self.throw(port, starts[attempt % len(starts)] + noise.randbytes(noise.choice([1, 30, 1000, 70000])))
            self.assertTrue(is_alive(self.pids[name]), f"{name}, port {port}")
        self.assert_all_live()

    def test_noise_in_messages_of_the_platform_kills_nobody(self):
        """Well-formed on the wire, nonsense inside: whoever subscribes must say no."""
        noise = random.Random(2011)
        subjects = ["dea.discover", "dea.heartbeat", "dea.status", "dea.stop", "dea.update", "dea.start",
                    "dea.find.droplet", "dea.locate", "droplet.exited", "droplet.updated", "router.register",
                    "router.unregister", "router.start", "healthmanager.start", "healthmanager.status",
                    "healthmanager.health", "cloudcontrollers.hm.requests", "vcap.component.discover"]
        # No stop of our own app among them: numbers are out of its range.
        bodies = [b"", b"{", b"[]", b"null", b"{}", b'{"droplet":"x"}', b'{"droplet":99999999,"instances":[{}]}',
                  b'{"droplets":[{"droplet":-1,"index":-1,"instance":"","state":"?"}]}', b'{"uris":[""],"host":"","port":0}',
                  b'{"host":"127.0.0.1","port":70000,"uris":["a"]}', b'{"limits":{"mem":-5},"runtime":"node"}',
                  b'{"op":"START","droplet":99999999,"indices":[0,-1,4000000000]}', b"[" * 5000, b'{"a":' * 2000]
        with connect(self.cloud.component("bus")["port"]) as line:
            line.sendall(b'CONNECT {"verbose":false,"pedantic":false,"user":"operator","pass":"%s"}\r\n' %
                         self.cloud.component("bus")["bus_password"].encode())
            for subject in subjects:
                for body in [*bodies, noise.randbytes(500)]:
                    line.sendall(b"PUB %s noise.reply %d\r\n%s\r\n" % (subject.encode(), len(body), body))
            line.sendall(b"PING\r\n")
            line.settimeout(10)
            said = b""
            while b"PONG\r\n" not in said:
                piece = line.recv(65536)
                self.assertTrue(piece, "the bus keeps who speaks well")
                said += piece
        self.await_serving("hello-node", 1)
        self.assert_all_live()

    def throw(self, port, noise):
        """Whether it is read, refused or cut off is the component's choice."""
        try:
            with connect(port) as line:
                line.settimeout(0.02)
                line.sendall(noise)
                line.recv(4096)
        except OSError:
            pass

    def assert_all_live(self):
        """Nobody died (and was started again by `cupola up`), and everybody works."""
        time.sleep(0.2)
        self.cloud.refresh()
        self.assertEqual({one["name"]: one["pid"] for one in self.cloud.facts["components"]}, self.pids)
        for name, pid in self.pids.items():
            self.assertTrue(is_alive(pid), name)
        self.answer("hello-node", 0)
        self.answer("hello-node", 1)
        self.cloud.run("scale", "hello-node", "1")
        self.await_serving("hello-node", 1)


if __name__ == "__main__":
    unittest.main()
