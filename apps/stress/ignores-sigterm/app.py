"""Answers, and does not end when it is told to."""
import http.server
import os
import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
