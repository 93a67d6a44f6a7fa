"""TLS of the real driver, with OpenSSL's own tools and curl as peers."""
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import unittest

from edge import HOST, Edge, make_certificates
from story import FolderStory, await_that

OTHER = "other.cupola.test"
NATS_SERVER = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")


class TlsStory(FolderStory):
    def edge(self, arguments=(), **settings):
        folder = os.path.join(self.folder, "edge")
        os.makedirs(folder, exist_ok=True)
        make_certificates(folder, HOST, OTHER)
        first = {"certificate": f"{folder}/{HOST}.pem", "key": f"{folder}/{HOST}.key", "alpn": ["h2", "http/1.1"],
                 **settings}
        second = {"certificate": f"{folder}/{OTHER}.pem", "key": f"{folder}/{OTHER}.key"}
        self.ca = f"{folder}/ca.pem"
        return Edge(folder, {"tls_listen": {"port": 0}}, {"tls": [first, second]}, arguments)

    def connect(self, edge, name=HOST, **changes):
        context = ssl.create_default_context(cafile=self.ca)
        for key, value in changes.items():
            setattr(context, key, value)
        return context.wrap_socket(socket.create_connection(("127.0.0.1", edge.ports[1]), 10), server_hostname=name)

    def test_requests_come_through_with_the_certificate_of_their_host(self):
        with self.edge() as edge:
            edge.serve()
            edge.serve(host=OTHER)
            for host in (HOST, OTHER):
                code, status, body, error = edge.curl("--http1.1", "--cacert", self.ca, f"https://{host}/a?b=c")
                self.assertEqual((code, status), (0, "200"), error)
                self.assertEqual(json.loads(body)["headers"]["X-Forwarded-Proto"], "https")
            _, _, body, _ = edge.curl(f"http://{HOST}/")
            self.assertEqual(json.loads(body)["headers"]["X-Forwarded-Proto"], "http")

    def test_large_bodies_pass_both_ways(self):
        with self.edge() as edge:
            edge.serve()
            path = os.path.join(self.folder, "large")
            with open(path, "wb") as file:
                file.write(os.urandom(5_000_000))
            code, status, body, error = edge.curl("--http1.1", "--cacert", self.ca, "-T", path, f"https://{HOST}/up")
            self.assertEqual((code, status), (0, "200"), error)
            self.assertEqual(json.loads(body)["body_size"], 5_000_000)
            code, status, body, error = edge.curl("--http1.1", "--cacert", self.ca, f"https://{HOST}/bytes/20000000")
            self.assertEqual((code, status, len(body)), (0, "200", 20_000_000), error)

    def test_old_versions_and_strangers_are_refused_with_a_line_in_the_log(self):
        with self.edge() as edge:
            port = edge.ports[1]
            old = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_1", "-cipher",
                                  "ALL:@SECLEVEL=0"], capture_output=True, stdin=subprocess.DEVNULL, check=False)
            self.assertIn(b"Cipher is (NONE)", old.stdout)
            with socket.create_connection(("127.0.0.1", port), 10) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                plain.settimeout(10)
                while plain.recv(4096):
                    pass
            await_that("both are told", lambda: "unsupported protocol" in edge.log() and "http request" in edge.log())

    def test_a_handshake_that_does_not_come_ends(self):
        with self.edge(handshake_timeout_ms=300) as edge:
            with socket.create_connection(("127.0.0.1", edge.ports[1]), 10) as silent:
                silent.settimeout(20)
                self.assertEqual(silent.recv(1), b"")
            await_that("it is told", lambda: "it took too long" in edge.log())

    def test_sessions_are_resumed_by_ticket(self):
        with self.edge() as edge:
            edge.serve()
            context = ssl.create_default_context(cafile=self.ca)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            session = None
            for expected in (False, True):
                raw = socket.create_connection(("127.0.0.1", edge.ports[1]), 10)
                with context.wrap_socket(raw, server_hostname=HOST, session=session) as secured:
                    self.assertEqual(secured.session_reused, expected)
                    session = secured.session

    def test_workers_resume_each_others_sessions(self):
        with self.edge(arguments=("--workers", "3", "--listen", "127.0.0.1:0")) as edge:
            edge.serve()
            await_that("all listen", lambda: edge.log().count("listening for TLS") == 3)
            context = ssl.create_default_context(cafile=self.ca)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            session, reused = None, 0
            for _ in range(12):  # With a key of its own each, two of three would not be.
                raw = socket.create_connection(("127.0.0.1", edge.ports[1]), 10)
                with context.wrap_socket(raw, server_hostname=HOST, session=session) as secured:
                    reused += secured.session_reused
                    session = session or secured.session
            self.assertEqual(reused, 11)

    def test_a_reload_changes_the_certificate_and_cuts_nobody(self):
        with self.edge() as edge:
            edge.serve()
            with self.connect(edge) as before:
                make_certificates(edge.folder, HOST)
                edge.router.send_signal(signal.SIGHUP)

                def serial():
                    with self.connect(edge) as now:
                        return now.getpeercert()["serialNumber"]
                await_that("the new certificate is shown", lambda: serial() != before.getpeercert()["serialNumber"])
                before.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                self.assertTrue(before.recv(100).startswith(b"HTTP/1.1 200 "))
            with open(f"{edge.folder}/{HOST}.pem", "w", encoding="ascii") as file:
                file.write("no certificate")
            edge.router.send_signal(signal.SIGHUP)
            await_that("the mistake is told", lambda: "stay as they were" in edge.log())
            self.connect(edge).close()

    def test_clients_show_certificates_where_they_must(self):
        with self.edge(verify_client=True, ca=os.path.join(self.folder, "edge", "ca.pem")) as edge:
            edge.serve()
            code, _, _, _ = edge.curl("--http1.1", "--cacert", self.ca, f"https://{HOST}/")
            self.assertNotEqual(code, 0)
            code, status, _, error = edge.curl("--http1.1", "--cacert", self.ca, "--cert", f"{edge.folder}/{OTHER}.pem", "--key",
                                               f"{edge.folder}/{OTHER}.key", f"https://{HOST}/")
            self.assertEqual((code, status), (0, "200"), error)

    def test_many_clients_at_once(self):
        with self.edge() as edge:
            edge.serve()
            statuses = []

            def ask():
                one = http.client.HTTPConnection(HOST)
                one.sock = self.connect(edge)
                for _ in range(5):
                    one.request("GET", "/bytes/3")
                    response = one.getresponse()
                    statuses.append((response.status, response.read()))
                one.close()
            threads = [threading.Thread(target=ask) for _ in range(40)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual((len(statuses), set(statuses)), (200, {(200, b"xxx")}))

    # ---- The bus: INFO is plain, then both sides upgrade ----

    def bus_driver(self):
        folder = os.path.join(self.folder, "edge")
        os.makedirs(folder, exist_ok=True)
        make_certificates(folder, "localhost")
        return {"tls": [{"certificate": f"{folder}/localhost.pem", "key": f"{folder}/localhost.key",
                         "ca": f"{folder}/ca.pem"}]}

    def test_the_bus_of_ours_with_clients_of_ours_and_of_others(self):
        driver = self.bus_driver()
        settings = {"bus": {"tls": "default"}}
        with Edge(os.path.join(self.folder, "edge"), settings, driver, bus={"bus_server": {"tls": "default"},
                                                                          "driver": driver}) as edge:
            await_that("the router is on the bus", lambda: "bus: connected to" in edge.log())
            context = ssl.create_default_context(cafile=f"{edge.folder}/ca.pem")
            raw = socket.create_connection(("127.0.0.1", edge.bus_port), 10)
            info = b""
            while not info.endswith(b"\r\n"):
                info += raw.recv(1)
            self.assertTrue(json.loads(info[5:])["tls_required"])
            with context.wrap_socket(raw, server_hostname="localhost") as secured:
                secured.sendall(b"CONNECT {}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n")
                said = b""
                while b"PONG" not in said:
                    said += secured.recv(4096)
                self.assertIn(b"MSG a 1 2\r\nhi\r\n", said)
            with socket.create_connection(("127.0.0.1", edge.bus_port), 10) as plain:
                plain.sendall(b"CONNECT {}\r\nPING\r\n")
                said = b""
                try:
                    while part := plain.recv(4096):
                        said += part
                except ConnectionResetError:
                    pass
                self.assertNotIn(b"PONG", said)

    @unittest.skipUnless(NATS_SERVER, "nats-server is not installed")
    def test_the_bus_of_others(self):
        driver = self.bus_driver()
        folder = os.path.join(self.folder, "edge")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen([NATS_SERVER, "--addr", "127.0.0.1", "--port", str(port), "--tls", "--tlscert",
                                   f"{folder}/localhost.pem", "--tlskey", f"{folder}/localhost.key"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            settings = {"bus": {"tls": "default", "servers": [{"host": "localhost", "port": port}]}}
            with Edge(folder, settings, driver, arguments=("--listen", "127.0.0.1:0")) as edge:
                await_that("the router is on the bus", lambda: f"bus: connected to localhost:{port}" in edge.log())
        finally:
            server.terminate()
            server.wait(20)

    def test_a_bus_that_cannot_prove_who_it_is_is_not_used(self):
        driver = self.bus_driver()
        with Edge(os.path.join(self.folder, "edge"), {"bus": {"tls": "default"}},
                  {"tls": [{"name": "default"}]},
                  bus={"bus_server": {"tls": "default"}, "driver": driver}) as edge:
            await_that("the reason is told", lambda: "certificate verify failed" in edge.log())
            self.assertNotIn("bus: connected", edge.log())


if __name__ == "__main__":
    unittest.main()
