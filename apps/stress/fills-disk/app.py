"""Answers, and fills its disk from the first request on, a file after the other."""
import http.server
import os
import threading
import time


def fill():
    # No faster than that, and not for ever: a test must not fill the machine's disk.
    for number in range(1000):
        with open(f"filler-{number}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 4 << 20)
        time.sleep(0.02)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        threading.Thread(target=fill, daemon=True).start()
        self.send_response(200)
        self.end_headers()


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
