"""HTTP/2 through the router: curl and Node.js as clients, Node.js as a backend that registered with protocol http2."""
import json
import os
import shutil
import socket
import subprocess
import unittest

from edge import HOST, Edge, make_certificates
from story import FolderStory, await_that, run_program

NODE = shutil.which("node")
NEW = "new.cupola.test"

BACKEND = """
const http2 = require('http2');
const server = http2.createServer({settings: {maxConcurrentStreams: 50}});
let sessions = 0;
server.on('session', () => { sessions++; });
server.on('stream', (stream, headers) => {
  const path = headers[':path'];
  let size = 0, text = '';
  stream.on('error', () => {});
  if (path === '/reset') { stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR); return; }
  if (path === '/call') {
    stream.respond({':status': 200, 'content-type': 'application/grpc', 'trailer': 'grpc-status'},
                   {waitForTrailers: true});
    stream.on('wantTrailers', () => stream.sendTrailers({'grpc-status': '0', 'grpc-message': 'te ' + headers.te}));
    stream.on('data', data => stream.write('echo ' + data));
    stream.on('end', () => stream.end());
    return;
  }
  stream.on('data', data => { size += data.length; if (text.length < 200) text += data; });
  stream.on('end', () => {
    if (path.startsWith('/bytes/')) {
      stream.respond({':status': 200});
      stream.end(Buffer.alloc(Number(path.split('/')[2]), 'x'));
      return;
    }
    stream.respond({':status': 200, 'content-type': 'application/json'});
    stream.end(JSON.stringify({method: headers[':method'], path, size, text, headers, sessions}));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""

CLIENT = """
const http2 = require('http2');
const session = http2.connect('http://127.0.0.1:' + process.argv[1]);
const said = {data: '', trailers: {}};
const stream = session.request({':method': 'POST', ':path': '/call', ':authority': process.argv[2],
                                'content-type': 'application/grpc', te: 'trailers'});
stream.on('response', headers => { said.status = headers[':status']; stream.write('second'); });
stream.on('data', data => { said.data += data; if (said.data.includes('second')) stream.end(); });
stream.on('trailers', trailers => { said.trailers = trailers; });
stream.on('close', () => { console.log(JSON.stringify(said)); session.close(); });
stream.write('first');
"""


class Http2Story(FolderStory):
    def edge(self, **settings):
        folder = os.path.join(self.folder, "edge")
        os.makedirs(folder, exist_ok=True)
        make_certificates(folder, HOST)
        self.ca = f"{folder}/ca.pem"
        return Edge(folder, {"tls_listen": {"port": 0}, **settings},
                    {"tls": [{"certificate": f"{folder}/{HOST}.pem", "key": f"{folder}/{HOST}.key",
                              "alpn": ["h2", "http/1.1"]}]})

    def start_node(self, edge):
        process = subprocess.Popen([NODE, "-e", BACKEND], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        edge.processes.append(process)
        edge.register(int(process.stdout.readline()), NEW, protocol="http2")
        return process

    def test_curl_speaks_it_over_tls_and_with_prior_knowledge(self):
        with self.edge() as edge:
            edge.serve()
            for arguments in (("--cacert", self.ca, f"https://{HOST}/a?b"),
                              ("--http2-prior-knowledge", f"http://{HOST}/a?b")):
                code, status, body, error = edge.curl("-H", "X-One: 1", "-d", "hello", *arguments)
                self.assertEqual((code, status, edge.version), (0, "200", "2"), error)
                told = json.loads(body)
                self.assertEqual((told["method"], told["path"], told["body"]), ("POST", "/a?b", "hello"))
                headers = {name.lower(): value for name, value in told["headers"].items()}
                self.assertEqual((headers["host"].split(":")[0], headers["x-one"], headers["x-forwarded-for"]),
                                 (HOST, "1", "127.0.0.1"))
                self.assertEqual(headers["x-forwarded-proto"], "https" if "--cacert" in arguments else "http")

    def test_large_bodies_pass_both_ways(self):
        with self.edge() as edge:
            edge.serve()
            self.start_node(edge)
            path = os.path.join(self.folder, "large")
            with open(path, "wb") as file:
                file.write(os.urandom(5_000_000))
            for host, key in ((HOST, "body_size"), (NEW, "size")):
                code, status, body, error = edge.curl("--http2-prior-knowledge", "-T", path, f"http://{host}/up")
                self.assertEqual((code, status), (0, "200"), error)
                self.assertEqual(json.loads(body)[key], 5_000_000)
                code, status, body, error = edge.curl("--http2-prior-knowledge", f"http://{host}/bytes/20000000")
                self.assertEqual((code, status, len(body)), (0, "200", 20_000_000), error)

    def test_errors_and_heads_without_bodies(self):
        with self.edge() as edge:
            edge.serve()
            self.start_node(edge)
            code, status, body, _ = edge.curl("--http2-prior-knowledge", "http://unknown.cupola.test/")
            self.assertEqual((code, status), (0, "404"))
            self.assertIn("NOT FOUND", body)
            code, status, _, _ = edge.curl("--http2-prior-knowledge", "-I", f"http://{HOST}/")
            self.assertEqual((code, status), (0, "200"))
            code, status, _, _ = edge.curl("--http2-prior-knowledge", "-H", "X-Large: " + "x" * 70000,
                                           f"http://{HOST}/")
            self.assertIn(status, ("431", "000"))
            code, status, _, _ = edge.curl(f"http://{NEW}/reset", )
            self.assertEqual((code, status), (0, "502"))

    def test_old_clients_reach_new_backends(self):
        with self.edge() as edge:
            self.start_node(edge)
            for _ in range(3):
                code, status, body, error = edge.curl("--http1.1", "-d", "hello", f"http://{NEW}/x")
                self.assertEqual((code, status), (0, "200"), error)
                told = json.loads(body)
                self.assertEqual((told["method"], told["text"], told["headers"][":path"]), ("POST", "hello", "/x"))
            self.assertLessEqual(told["sessions"], 2)  # One link carries them all.

    def test_calls_stream_both_ways_and_end_with_trailers(self):
        with self.edge() as edge:
            self.start_node(edge)
            done = subprocess.run([NODE, "-e", CLIENT, str(edge.ports[0]), NEW], capture_output=True, text=True,
                                  timeout=30, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            said = json.loads(done.stdout)
            self.assertEqual((said["status"], said["data"]), (200, "echo firstecho second"))
            self.assertEqual(said["trailers"]["grpc-status"], "0")
            self.assertEqual(said["trailers"]["grpc-message"], "te trailers")

    @unittest.skipUnless(shutil.which("h2load"), "h2load is not installed")
    def test_many_streams_on_many_connections(self):
        with self.edge() as edge:
            edge.serve()
            self.start_node(edge)
            for host in (HOST, NEW):
                done = subprocess.run(
                    ["h2load", "-n", "3000", "-c", "10", "-m", "20", f"--header=:authority: {host}",
                     f"http://127.0.0.1:{edge.ports[0]}/bytes/100"], capture_output=True, text=True, timeout=60,
                    check=False)
                self.assertIn("3000 succeeded, 0 failed, 0 errored", done.stdout)
                self.assertIn("3000 2xx", done.stdout)

    def test_floods_end_the_connection_and_nobody_elses(self):
        ping = b"\0\0\x08\x06\0\0\0\0\0" + b"12345678"
        with self.edge() as edge:
            edge.serve()
            with socket.create_connection(("127.0.0.1", edge.ports[0]), 10) as flood:
                flood.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0" + ping * 20000)
                received = b""
                try:
                    while part := flood.recv(65536):
                        received += part
                except ConnectionResetError:
                    pass
                self.assertIn(b"\x07\0\0\0\0\0", received)  # GOAWAY
                self.assertIn((11).to_bytes(4, "big"), received[-20:])  # ENHANCE_YOUR_CALM
            self.assertEqual(edge.curl("--http2-prior-knowledge", f"http://{HOST}/")[1], "200")

    def test_a_recorded_life_replays(self):
        edge = self.edge()
        edge.arguments = ("--listen", "127.0.0.1:0", "--record", os.path.join(self.folder, "trace"))
        with edge:
            edge.serve()
            self.start_node(edge)
            for _ in range(5):
                self.assertEqual(edge.curl("--cacert", self.ca, "-d", "hello", f"https://{HOST}/x")[1], "200")
                self.assertEqual(edge.curl("--http2-prior-knowledge", f"http://{NEW}/bytes/100000")[1], "200")
            edge.router.terminate()
            edge.router.wait(30)
        code, said, error = run_program("sim", "replay", os.path.join(self.folder, "trace"))
        self.assertEqual(code, 0, error)
        self.assertIn("no difference", said)

    def test_a_stopping_router_finishes_what_is_under_way(self):
        with self.edge() as edge:
            edge.serve()
            with socket.create_connection(("127.0.0.1", edge.ports[0]), 10) as idle:
                idle.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0")
                self.assertTrue(idle.recv(100))
                edge.router.terminate()
                while idle.recv(4096):
                    pass
            await_that("the router ends", lambda: edge.router.poll() is not None)
            self.assertEqual(edge.router.returncode, 0)


if __name__ == "__main__":
    unittest.main()
