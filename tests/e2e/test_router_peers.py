"""The router between real peers: curl, wrk and a WebSocket client before it, nginx and Node.js behind it, which misbehave."""
import base64
import concurrent.futures
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
import unittest

from edge import HOST, Edge
from story import FolderStory, await_that

HERE = os.path.dirname(os.path.abspath(__file__))


def memory_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


class PeersStory(FolderStory):
    def setUp(self):
        super().setUp()
        self.children = []
        self.addCleanup(self.end_children)

    def end_children(self):
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait(10)
            child.stdout.close()

    def edge(self, **settings):
        return Edge(os.path.join(self.folder, "edge"), settings)

    def node(self):
        """A bad_instance.js; its port."""
        child = subprocess.Popen(["node", os.path.join(HERE, "bad_instance.js")], stdout=subprocess.PIPE, text=True)
        self.children.append(child)
        return int(child.stdout.readline())

    def nginx(self, server):
        """An nginx with that server block; its port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        folder = os.path.join(self.folder, f"nginx-{port}")
        os.makedirs(folder)
        with open(folder + "/nginx.conf", "w", encoding="ascii") as file:
            file.write(f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\n"
                       f"events {{ worker_connections 512; }}\nhttp {{ access_log off; client_body_temp_path {folder}; "
                       f"server {{ listen 127.0.0.1:{port}; {server} }} }}\n")
        child = subprocess.Popen(["nginx", "-p", folder, "-c", folder + "/nginx.conf"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        self.children.append(child)

        def accepts():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        await_that("nginx listens", accepts)
        return port

    def get(self, edge, path, method="GET", body=None, timeout=20):
        connection = http.client.HTTPConnection("127.0.0.1", edge.ports[0], timeout=timeout)
        try:
            connection.request(method, path, body=body, headers={"Host": HOST})
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()


class NodeStory(PeersStory):
    def test_a_reset_in_mid_body_is_seen_to_be_cut(self):
        with self.edge() as edge:
            edge.register(self.node())
            with self.assertRaises((http.client.IncompleteRead, ConnectionResetError)):
                self.get(edge, "/reset")
            self.assertEqual(self.get(edge, "/well")[0], 200)

    def test_an_early_answer_reaches_a_client_that_still_sends(self):
        with self.edge() as edge:
            edge.register(self.node())
            status = subprocess.run(
                ["bash", "-c", f"head -c 300000 /dev/zero | curl -s -o /dev/null -w '%{{http_code}}' -H 'Host: {HOST}' "
                 f"-H 'Expect:' --data-binary @- --limit-rate 200k -m 15 http://127.0.0.1:{edge.ports[0]}/early"],
                capture_output=True, text=True, check=False).stdout
            self.assertEqual(status, "403")

    def test_slow_answers_come_as_they_are(self):
        with self.edge() as edge:
            edge.register(self.node())
            self.assertEqual(self.get(edge, "/slow")[:2], (200, b"s" * 10))

    def test_a_silent_instance_costs_its_time_and_no_more(self):
        with self.edge(response_timeout_ms=500) as edge:
            edge.register(self.node())
            began = time.monotonic()
            status, _, headers = self.get(edge, "/silent")
            self.assertEqual((status, headers["X-Cf-RouterError"]), (504, "endpoint_timeout"))
            self.assertLess(time.monotonic() - began, 5)

    def test_what_is_no_answer_becomes_502_with_its_reason(self):
        with self.edge() as edge:
            edge.register(self.node())
            for path, reason in (("/garbage", "bad_response"), ("/headers", "bad_response"), ("/close", "endpoint_failure")):
                status, _, headers = self.get(edge, path)
                self.assertEqual((path, status, headers["X-Cupola-Error"]), (path, 502, reason))

    def test_a_request_that_ends_its_instance_ends_no_other(self):
        with self.edge() as edge:
            ports = [self.node(), self.node()]
            for port in ports:
                edge.register(port)
            self.assertEqual(self.get(edge, "/close")[0], 502)
            self.assertEqual(self.get(edge, "/well")[0], 200)  # The other one, or the same after its quarantine.

    def test_a_huge_answer_for_a_slow_reader_stays_in_the_instance(self):
        with self.edge() as edge:
            edge.register(self.node())
            before = memory_kb(edge.router.pid)
            with socket.create_connection(("127.0.0.1", edge.ports[0]), 20) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                client.sendall(f"GET /huge HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                time.sleep(1)
                self.assertLess(memory_kb(edge.router.pid) - before, 8 * 1024)  # Of 64 MB.
                received = 0
                while part := client.recv(1 << 20):
                    received += len(part)
            self.assertGreater(received, 64 << 20)

    def test_a_web_socket_talks_both_ways(self):
        with self.edge() as edge:
            edge.register(self.node())
            with socket.create_connection(("127.0.0.1", edge.ports[0]), 10) as client:
                key = base64.b64encode(os.urandom(16)).decode()
                client.sendall((f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(4096)
                self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
                for text in (b"hello", b"a" * 125):
                    mask = os.urandom(4)
                    client.sendall(bytes([0x81, 0x80 | len(text)]) + mask +
                                   bytes(byte ^ mask[i % 4] for i, byte in enumerate(text)))
                    answer = b""
                    while len(answer) < 2 + len(text):
                        answer += client.recv(4096)
                    self.assertEqual(answer, bytes([0x81, len(text)]) + text)

    def test_the_instance_learns_of_its_client(self):
        with self.edge() as edge:
            edge.register(self.node(), app=7, index=2, private_instance_id="i2")
            headers = json.loads(self.get(edge, "/headers-please")[1])["headers"]
            self.assertEqual((headers["x-cf-applicationid"], headers["x-cf-instanceindex"], headers["x-cf-instanceid"]),
                             ("7", "2", "i2"))
            self.assertRegex(headers["traceparent"], r"^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")
            self.assertEqual(headers["x-forwarded-for"], "127.0.0.1")


@unittest.skipUnless(shutil.which("nginx") or os.path.exists("/usr/sbin/nginx"), "no nginx")
class NginxStory(PeersStory):
    def test_connections_that_nginx_ends_cost_no_request(self):
        # nginx ends a connection after three requests, and after a second of rest.
        with self.edge() as edge:
            edge.register(self.nginx("keepalive_requests 3; keepalive_timeout 1s; location / { return 200 'n'; }"))
            for pause in (0, 0, 0, 0.9, 0, 1.1, 1.0, 0, 0, 0, 0.95, 1.05):
                time.sleep(pause)
                self.assertEqual(self.get(edge, "/")[:2], (200, b"n"))

    def test_one_of_three_that_is_gone_costs_no_request(self):
        with self.edge() as edge:
            for _ in range(3):
                edge.register(self.nginx("location / { return 200 'n'; }"))
            self.children[0].terminate()
            self.children[0].wait(10)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                statuses = list(pool.map(lambda _: self.get(edge, "/")[0], range(200)))
            self.assertEqual(set(statuses), {200})

    @unittest.skipUnless(shutil.which("wrk"), "no wrk")
    def test_wrk_finds_no_error(self):
        with self.edge() as edge:
            edge.register(self.nginx("location / { return 200 'n'; }"))
            said = subprocess.run(["wrk", "-t1", "-c32", "-d2s", "-H", f"Host: {HOST}", f"http://127.0.0.1:{edge.ports[0]}/"],
                                  capture_output=True, text=True, check=True).stdout
            self.assertNotIn("Non-2xx", said)
            self.assertNotIn("Socket errors", said)
            self.assertGreater(int(re.search(r"(\d+) requests in", said).group(1)), 100)


if __name__ == "__main__":
    unittest.main()
