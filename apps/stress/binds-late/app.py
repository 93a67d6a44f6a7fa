"""Listens after a second of thought."""
import http.server
import os
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


time.sleep(1)
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
