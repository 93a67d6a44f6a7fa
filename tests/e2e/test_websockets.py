"""WebSockets over HTTP/2 (RFC 8441): a pushed app and Node.js's own client talk both ways in streams of one connection."""
import json
import shutil
import subprocess
import unittest

from story import CloudStory

NODE = shutil.which("node")

# Frames of RFC 6455, unfragmented and of less than 64 KB: what both sides need of them.
FRAMES = """
function frame(opcode, text, mask) {
  const body = Buffer.from(text), long = body.length > 125;
  const head = Buffer.alloc(long ? 4 : 2);
  head[0] = 0x80 | opcode;
  head[1] = (mask ? 0x80 : 0) | (long ? 126 : body.length);
  if (long) head.writeUInt16BE(body.length, 2);
  if (!mask) return Buffer.concat([head, body]);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i % 4])]);
}
function reader(onFrame) {
  let held = Buffer.alloc(0);
  return part => {
    held = Buffer.concat([held, part]);
    for (;;) {
      if (held.length < 2) return;
      const long = (held[1] & 127) === 126, masked = (held[1] & 128) !== 0;
      const start = (long ? 4 : 2) + (masked ? 4 : 0);
      if (held.length < start) return;
      const size = long ? held.readUInt16BE(2) : held[1] & 127;
      if (held.length < start + size) return;
      const mask = held.subarray(start - 4, start);
      const body = held.subarray(start, start + size).map((byte, i) => masked ? byte ^ mask[i % 4] : byte);
      const opcode = held[0] & 15;
      held = held.subarray(start + size);
      onFrame(opcode, Buffer.from(body).toString());
    }
  };
}
"""

SERVER = FRAMES + """
const http = require('http'), crypto = require('crypto');
const server = http.createServer((request, response) => response.end('plain'));
server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
               'Sec-WebSocket-Accept: ' + crypto.createHash('sha1').update(key).digest('base64') + '\\r\\n\\r\\n');
  socket.write(frame(1, 'welcome to ' + request.url));
  socket.on('data', reader((opcode, text) => {
    if (opcode === 8) socket.end(frame(8, text));
    else socket.write(frame(1, text.toUpperCase()));
  }));
});
server.listen(process.env.VCAP_APP_PORT);
"""

CLIENT = FRAMES + """
const http2 = require('http2'), crypto = require('crypto');
const [port, host] = process.argv.slice(1);
const session = http2.connect('http://127.0.0.1:' + port);
const told = {sockets: []};
let open = 0;
const done = () => { if (--open === 0) { console.log(JSON.stringify(told)); session.close(); } };
function talk(path) {
  const said = {frames: []}, mask = crypto.randomBytes(4);
  told.sockets.push(said);
  open++;
  const stream = session.request({':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': path,
                                  ':authority': host, 'sec-websocket-version': '13'});
  stream.on('response', headers => { said.status = headers[':status']; });
  stream.on('data', reader((opcode, text) => {
    said.frames.push([opcode, text.length > 40 ? text.length : text]);
    if (said.frames.length === 1) stream.write(frame(1, 'hello', mask));
    else if (said.frames.length === 2) stream.write(frame(1, 'x'.repeat(20000), mask));
    else if (said.frames.length === 3) stream.write(frame(8, '', mask));
  }));
  stream.on('end', () => { said.ended = true; stream.end(); });
  stream.on('error', error => { said.error = String(error); });
  stream.on('close', done);
}
session.once('remoteSettings', settings => {
  told.mayConnect = settings.enableConnectProtocol;
  talk('/one');
  talk('/two');
  open++;
  const plain = session.request({':path': '/', ':authority': host});
  told.plain = '';
  plain.on('data', data => { told.plain += data; });
  plain.on('close', done);
});
"""


class WebSocketStory(CloudStory):
    arguments = ("--deas", "1", "--routers", "1")

    @unittest.skipUnless(NODE, "node is not installed")
    def test_an_app_and_a_client_talk_both_ways_in_streams_of_one_connection(self):
        self.write("talk/package.json", '{"name": "talk", "scripts": {"start": "node server.js"}}')
        self.write("talk/server.js", SERVER)
        self.push("talk", path=f"{self.folder}/talk")
        self.assertEqual(self.answer("talk"), "plain")
        done = subprocess.run([NODE, "-e", CLIENT, str(self.cloud.router_port()), self.host("talk")],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertTrue(told["mayConnect"])
        self.assertEqual(told["plain"], "plain")
        for path, said in zip(("/one", "/two"), told["sockets"]):
            self.assertEqual(said, {"status": 200, "ended": True, "frames": [
                [1, f"welcome to {path}"], [1, "HELLO"], [1, 20000], [8, ""]]})


if __name__ == "__main__":
    unittest.main()
