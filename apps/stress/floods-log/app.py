"""Answers, and floods its log with numbered lines from the start: 400,000 lines, then it says so."""
import http.server
import os
import sys
import threading

LINES = 400_000


def flood():
    for first in range(0, LINES, 1000):
        sys.stdout.write("".join(f"line {number} of a flood that nobody will ever read\n"
                                 for number in range(first, first + 1000)))
    sys.stdout.flush()
    print("the flood is over", file=sys.stderr, flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        """The flood is enough."""


threading.Thread(target=flood, daemon=True).start()
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
