"""Answers, and leaks memory from the first request on."""
import http.server
import os
import threading
import time

hoard = []


def leak():
    while True:
        hoard.append(os.urandom(1 << 20))
        time.sleep(0.01)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        threading.Thread(target=leak, daemon=True).start()
        self.send_response(200)
        self.end_headers()


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
