"""A router with its bus and hand-made backends, without the rest of a cloud: for the tests of the data plane."""
import http.server
import json
import os
import socket
import subprocess
import threading

from story import PROGRAM, await_that

HOST = "app.cupola.test"


def make_certificates(folder, *names):
    """An authority, and for each name a certificate that it signed: NAME.pem and NAME.key beside ca.pem."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    if not os.path.exists(os.path.join(folder, "ca.pem")):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                "-out", "ca.pem", "-subj", "/CN=Cupola test authority", "-days", "2")
    for name in names:
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={name}")
        with open(os.path.join(folder, f"{name}.ext"), "w", encoding="ascii") as file:
            file.write(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Echo(http.server.BaseHTTPRequestHandler):
    """Tells what it was asked, as JSON; GET /bytes/N: N bytes."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size) if size else self.read_chunks()
        if self.path.startswith("/bytes/"):
            said = b"x" * int(self.path.rsplit("/", 1)[1])
        else:
            said = json.dumps({"method": self.command, "path": self.path, "headers": dict(self.headers.items()),
                               "body_size": len(body), "body": body[:200].decode(errors="replace")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815

    def read_chunks(self):
        body = b""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return body
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        pass  # Clients that go away are part of the tests.


class Edge:
    """Use it in a `with` statement. `settings` is the router's section, `driver` that of its driver."""

    def __init__(self, folder, settings=None, driver=None, arguments=(), bus=None):
        self.folder = folder
        self.settings = {"settle_ms": 0, **(settings or {})}
        self.driver = driver or {}
        self.arguments = arguments
        self.bus = bus or {}  # Its whole configuration.
        self.processes = []
        self.servers = []
        self.stop_registering = threading.Event()
        self.routes = []

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        self.log_path = os.path.join(self.folder, "router.log")
        try:
            self.bus_port = self.start("bus", self.bus)[0]
            self.router, self.ports = self.start_router()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stop_registering.set()
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def run(self, role, config, name, *arguments):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        path, notify = os.path.join(folder, "config.json"), os.path.join(folder, "notify")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        with open(self.log_path, "a", encoding="utf-8") as log:
            process = subprocess.Popen([PROGRAM, "run", role, "--config", path, "--data", folder + "/data",
                                        "--notify", notify, *arguments],
                                       stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.processes.append(process)

        def ports():
            if process.poll() is not None:
                raise AssertionError(f"the {role} has ended:\n" + self.log())
            try:
                with open(notify, encoding="utf-8") as file:
                    return json.load(file)["all"]
            except (OSError, ValueError):
                return None
        return process, ports

    def start(self, role, section):
        process, ports = self.run(role, section, role, "--listen", "127.0.0.1:0")
        return await_that(f"the {role} listens", ports)

    def start_router(self, name="router"):
        wanted = 1 + ("tls_listen" in self.settings)
        process, ports = self.run("router", {"router": self.settings, "driver": self.driver}, name,
                                  *self.where_the_bus_is(), *(self.arguments or ("--listen", "127.0.0.1:0")))
        return process, await_that("the router listens", lambda: len(ports() or ()) >= wanted and ports())

    def where_the_bus_is(self):
        named = "servers" in self.settings.get("bus", {})
        return () if named else ("--bus", f"127.0.0.1:{self.bus_port}")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def serve(self, handler=Echo, host=HOST):
        """Starts a backend in a thread and registers it; returns its port."""
        server = Server(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self.servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.register(server.server_address[1], host)
        return server.server_address[1]

    def register(self, port, host=HOST, **more):
        self.routes.append(json.dumps({"host": "127.0.0.1", "port": port, "uris": [host], "tags": {}, **more}))

        def is_known():
            self.tell_routes()  # Again: the router may not have been on the bus yet.
            return self.curl(f"http://{host}/", port=self.ports[0])[1] != "404"
        await_that("the route is known", is_known)

    def tell_routes(self):
        with socket.create_connection(("127.0.0.1", self.bus_port)) as connection:
            said = "".join(f"PUB router.register {len(one)}\r\n{one}\r\n" for one in self.routes)
            connection.sendall(f"CONNECT {{}}\r\n{said}PING\r\n".encode())
            while b"PONG" not in connection.recv(4096):
                pass

    def curl(self, *arguments, port=None):
        """(exit code, status, body, error text) of one curl; http:// and https:// names are led to the router."""
        url = arguments[-1]
        host = url.split("/")[2]
        if port is None:
            port = self.ports[1] if url.startswith("https") else self.ports[0]
        url = url.replace(host, f"{host}:{port}", 1)
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "20", "--resolve", f"{host}:{port}:127.0.0.1", "-o", "-", "-w",
             "\n%{http_code} %{http_version}", *arguments[:-1], url], capture_output=True, text=True, check=False)
        body, _, status = done.stdout.rpartition("\n")
        self.version = status.partition(" ")[2]
        return done.returncode, status.partition(" ")[0], body, done.stderr
