#!/usr/bin/env python3
"""A gateway for Redis: gives each service a numbered database of one redis-server, by the protocol of 2011.

usage: gateway.py CONTROLLER TOKEN REDIS_PORT [PORT]      CONTROLLER: HOST:PORT of a cloud controller

It remembers nothing: which databases are taken it learns from the controller's handles, and what is in a database that
nobody has is deleted (flushed) when it is found.
"""
import http.client
import json
import socket
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LABEL = "redis-7"
DATABASES = 16
GRACE_S = 60  # What was made a moment ago may not be among the handles yet.
HEADERS = {"Content-Type": "application/json"}

lock = threading.Lock()
databases = {}  # Service id -> (number, when it was made).


def redis(number, *words):
    """One command in one database; returns the first line of the answer."""
    def encoded(command):
        return f"*{len(command)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in command)
    with socket.create_connection(("127.0.0.1", redis_port), 5) as connection:
        connection.sendall((encoded(("SELECT", str(number))) + encoded(words)).encode())
        lines = connection.makefile("rb")
        lines.readline()
        return lines.readline().decode().strip()


def ask_controller(method, path, body=None):
    connection = http.client.HTTPConnection(controller, timeout=10)
    try:
        connection.request(method, path, body and json.dumps(body), {"X-VCAP-Service-Token": token, **HEADERS})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or "{}")
    finally:
        connection.close()


def restore():
    """Takes the controller's handles for what there is; what is older than they are and not among them goes."""
    asked = time.monotonic()
    status, answer = ask_controller("GET", f"/services/v1/offerings/{LABEL}/handles")
    if status != 200:
        return
    wanted = {one["service_id"]: one["configuration"]["database"] for one in answer["handles"]
              if "database" in one["configuration"]}
    with lock:
        for service, number in wanted.items():
            databases.setdefault(service, (number, asked))
        for service, (number, made) in list(databases.items()):
            if service not in wanted and asked - made > GRACE_S:
                redis(number, "FLUSHDB")
                del databases[service]
        for number in set(range(DATABASES)) - {number for number, _ in databases.values()}:
            redis(number, "FLUSHDB")


def keep_registered():
    offer = {"label": LABEL, "url": f"http://127.0.0.1:{server.server_port}", "description": "Redis key-value store",
             "tags": ["redis", "key-value"], "plans": ["free"], "active": True}
    while True:
        try:
            status, _ = ask_controller("POST", "/services/v1/offerings", offer)
            if status == 200:
                restore()
        except (OSError, ValueError, http.client.HTTPException) as error:
            print(f"the controller does not answer: {error}", file=sys.stderr)
            status = 0
        time.sleep(60 if status == 200 else 1)


class Gateway(BaseHTTPRequestHandler):
    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def parts(self):
        """What follows /gateway/v1/configurations, or None: then it was refused."""
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Type") != "application/json":
            return self.answer(400, {"code": 30000, "description": "Invalid Content-Type"})
        if self.headers.get("X-VCAP-Service-Token") != token:
            return self.answer(401, {"code": 30100, "description": "Not authorized"})
        parts = self.path.strip("/").split("/")
        if parts[:3] != ["gateway", "v1", "configurations"]:
            return self.answer(404, {"code": 30300, "description": "Not found"})
        return parts[3:]

    def do_POST(self):
        parts = self.parts()
        if parts is None:
            return
        with lock:
            if not parts:
                free = set(range(DATABASES)) - {number for number, _ in databases.values()}
                if not free:
                    return self.answer(500, {"code": 30500, "description": "No database is free"})
                service, number = str(uuid.uuid4()), min(free)
                databases[service] = (number, time.monotonic())
            elif parts[0] in databases:
                service, number = str(uuid.uuid4()), databases[parts[0]][0]
            else:
                return self.answer(404, {"code": 30300, "description": f"{parts[0]} not found"})
        credentials = {"hostname": "127.0.0.1", "host": "127.0.0.1", "port": redis_port, "name": str(number)}
        facts = {"database": number} if not parts else {}
        self.answer(200, {"service_id": service, "data": facts, "configuration": facts, "credentials": credentials})

    def do_DELETE(self):
        parts = self.parts()
        if parts is None:
            return
        with lock:
            known = databases.get(parts[0])
            if known is None:
                return self.answer(404, {"code": 30300, "description": f"{parts[0]} not found"})
            if len(parts) == 1:
                redis(known[0], "FLUSHDB")
                del databases[parts[0]]
        self.answer(200, {})


controller, token, redis_port = sys.argv[1], sys.argv[2], int(sys.argv[3])
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[4]) if len(sys.argv) > 4 else 0), Gateway)
threading.Thread(target=keep_registered, daemon=True).start()
server.serve_forever()
