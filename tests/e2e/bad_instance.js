// An instance that misbehaves on request: what a router in front of it must live with. Prints its port.
'use strict';
const net = require('net');
const http = require('http');
const crypto = require('crypto');

const server = http.createServer((request, response) => {
  const path = request.url;
  if (path === '/reset') { // In the middle of the body.
    response.writeHead(200, { 'Content-Length': 1000 });
    response.write('x'.repeat(100), () => setTimeout(() => request.socket.resetAndDestroy(), 20));
  } else if (path === '/early') { // Answers before the body has come, and reads no more of it.
    response.writeHead(403, { Connection: 'close' });
    response.end('no\n');
  } else if (path === '/slow') { // A byte at a time.
    response.writeHead(200, { 'Content-Length': 10 });
    let left = 10;
    const timer = setInterval(() => { response.write('s'); if (--left === 0) { clearInterval(timer); response.end(); } }, 50);
  } else if (path === '/silent') { // Never.
  } else if (path === '/close') { // Without a byte.
    request.socket.destroy();
  } else if (path === '/garbage') {
    request.socket.end('this is no HTTP\r\n\r\n');
  } else if (path === '/huge') {
    const chunk = Buffer.alloc(1 << 20, 'h');
    let left = 64;
    const more = () => { while (left > 0) { left--; if (!response.write(chunk)) { response.once('drain', more); return; } } response.end(); };
    more();
  } else if (path === '/headers') { // More than any limit.
    response.socket.write('HTTP/1.1 200 OK\r\n' + 'X-Long: '.padEnd(200000, 'y') + '\r\n\r\n');
  } else {
    let size = 0;
    request.on('data', (part) => { size += part.length; });
    request.on('end', () => response.end(JSON.stringify({ path, size, headers: request.headers }) + '\n'));
  }
});

// A WebSocket that says back what it hears (RFC 6455), short unfragmented frames only.
server.on('upgrade', (request, socket) => {
  const accept = crypto.createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on('data', (frame) => {
    const size = frame[1] & 127;
    const text = Buffer.from(frame.subarray(6, 6 + size).map((byte, i) => byte ^ frame[2 + i % 4]));
    socket.write(Buffer.concat([Buffer.from([0x81, size]), text]));
  });
  socket.on('error', () => {});
});
server.on('clientError', (_, socket) => socket.destroy());
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
