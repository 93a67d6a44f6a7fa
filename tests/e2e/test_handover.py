"""Listening sockets that outlive the process: upgrades, service managers, workers that die. Nobody is refused."""
import os
import signal
import socket
import subprocess
import threading
import unittest

from edge import HOST, Edge
from story import PROGRAM, FolderStory, await_that, is_alive


class Callers:
    """New connections without a pause, each for one request; what fails is kept."""

    def __init__(self, port, count=4):
        self.port = port
        self.answered = 0
        self.failures = []
        self.is_stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_stopped.set()
        for thread in self.threads:
            thread.join(30)

    def run(self):
        asked = f"GET /bytes/5 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
        while not self.is_stopped.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
                    connection.sendall(asked)
                    said = b""
                    while part := connection.recv(4096):
                        said += part
                if not (said.startswith(b"HTTP/1.1 200 ") and said.endswith(b"xxxxx")):
                    self.failures.append(said[:80])
            except OSError as error:
                self.failures.append(repr(error))
            self.answered += 1

    def more(self, count=200):
        wanted = self.answered + count
        await_that("more requests were answered", lambda: self.answered >= wanted)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(one) for one in file.read().split()]


class HandoverStory(FolderStory):
    def edge(self, *arguments):
        return Edge(os.path.join(self.folder, "edge"), {"settle_ms": 3000, "start_interval_ms": 200}, {}, arguments)

    def test_an_upgrade_refuses_nobody(self):
        with self.edge("--handover", "--listen", f"127.0.0.1:{free_port()}") as edge:
            edge.serve()
            registering = threading.Thread(target=self.keep_registering, args=(edge,), daemon=True)
            registering.start()
            with Callers(edge.ports[0]) as callers:
                for _ in range(2):
                    callers.more()
                    before = edge.router
                    edge.router, _ = edge.start_router()
                    await_that("the old one ends", lambda old=before: old.poll() is not None)
                    self.assertEqual(before.returncode, 0)
                    callers.more()
            self.assertEqual(callers.failures, [])
            self.assertEqual(edge.log().count("took over"), 2)
            edge.stop_registering.set()
            registering.join(20)

    def keep_registering(self, edge):
        while not edge.stop_registering.wait(0.1):
            edge.tell_routes()

    def test_a_successor_that_fails_leaves_the_old_one_alone(self):
        with self.edge("--handover", "--listen", f"127.0.0.1:{free_port()}") as edge:
            edge.serve()
            door = os.path.join(edge.folder, "router", "data", "handover.sock")
            with socket.socket(socket.AF_UNIX) as thief:
                thief.connect(door)
                self.assertEqual(thief.recv(1), b"L")
            await_that("it is told", lambda: "asked for our listeners has ended" in edge.log())
            self.assertEqual(edge.curl(f"http://{HOST}/")[1], "200")

    def test_sockets_of_a_service_manager_are_used(self):
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
            data = os.path.join(self.folder, "data")

            def start():
                return subprocess.Popen(
                    ["/bin/sh", "-c", 'exec 3<&"$0"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"',
                     str(held.fileno()), PROGRAM, "run", "router", "--listen", f"127.0.0.1:{port}", "--data", data],
                    pass_fds=[held.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(2):
                process = start()
                try:
                    with socket.create_connection(("127.0.0.1", port), 10) as connection:
                        connection.settimeout(20)
                        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                        self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 "))
                finally:
                    process.terminate()
                    self.assertEqual(process.wait(30), 0)

    def test_workers_share_a_port_and_are_started_again(self):
        with self.edge("--workers", "3", "--listen", "127.0.0.1:0") as edge:
            edge.serve()
            workers = await_that("all run", lambda: len(children_of(edge.router.pid)) == 3 and
                                 children_of(edge.router.pid))
            await_that("all listen", lambda: edge.log().count(f"listening on 127.0.0.1:{edge.ports[0]}") == 3)
            await_that("all have the route", lambda: self.all_answer(edge))
            os.kill(workers[0], signal.SIGKILL)
            await_that("it has a successor", lambda: len(children_of(edge.router.pid)) == 3 and
                       workers[0] not in children_of(edge.router.pid))
            await_that("all have the route", lambda: self.all_answer(edge))
            edge.router.terminate()
            self.assertEqual(edge.router.wait(30), 0)
            self.assertFalse(any(is_alive(pid) for pid in workers))

    def all_answer(self, edge):
        edge.tell_routes()
        with Callers(edge.ports[0], 2) as callers:
            callers.more(60)
        return not callers.failures

    def test_workers_are_upgraded_too(self):
        with self.edge("--workers", "2", "--handover", "--listen", f"127.0.0.1:{free_port()}") as edge:
            edge.serve()
            registering = threading.Thread(target=self.keep_registering, args=(edge,), daemon=True)
            registering.start()
            await_that("all have the route", lambda: self.all_answer(edge))
            with Callers(edge.ports[0]) as callers:
                callers.more()
                before = edge.router
                edge.router, _ = edge.start_router()
                await_that("the old ones end", lambda: before.poll() is not None)
                self.assertEqual(before.returncode, 0)
                callers.more()
            self.assertEqual(callers.failures, [])
            edge.stop_registering.set()
            registering.join(20)

    def test_workers_that_have_no_successor_go(self):
        with self.edge("--workers", "3", "--handover", "--listen", f"127.0.0.1:{free_port()}") as edge:
            edge.serve()
            await_that("all listen", lambda: edge.log().count(f"listening on 127.0.0.1:{edge.ports[0]}") == 3)
            before, workers = edge.router, children_of(edge.router.pid)
            edge.arguments = ("--workers", "1", *edge.arguments[2:])
            edge.router, _ = edge.start_router()
            await_that("the old ones end", lambda: before.poll() is not None)
            self.assertEqual(before.returncode, 0)
            self.assertFalse(any(is_alive(pid) for pid in workers))
            await_that("the one that is left answers for all", lambda: self.all_answer(edge))

    def first_bytes(self, connection):
        with connection:
            try:
                return connection.recv(5)
            except OSError as error:
                return repr(error)

    def test_what_waits_for_workers_without_a_successor_is_served(self):
        with self.edge("--workers", "3", "--handover", "--listen", f"127.0.0.1:{free_port()}") as edge:
            edge.serve()
            await_that("all listen", lambda: edge.log().count(f"listening on 127.0.0.1:{edge.ports[0]}") == 3)
            before, workers = edge.router, children_of(edge.router.pid)
            for pid in workers[1:]:  # So that their queues fill.
                os.kill(pid, signal.SIGSTOP)
            waiting = [socket.create_connection(("127.0.0.1", edge.ports[0]), 30) for _ in range(800)]
            try:
                for connection in waiting:
                    connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                edge.arguments = ("--workers", "1", *edge.arguments[2:])
                edge.router, _ = edge.start_router()
                await_that("it asks the others to go", lambda: "listens in our place" in edge.log())
            finally:
                for pid in workers[1:]:
                    os.kill(pid, signal.SIGCONT)
            answers = [self.first_bytes(connection) for connection in waiting]
            self.assertEqual([answer for answer in answers if answer != b"HTTP/"], [])
            await_that("the old ones end", lambda: before.poll() is not None)


if __name__ == "__main__":
    unittest.main()
