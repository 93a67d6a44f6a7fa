"""Ends at once at about every third start; what it is started as decides which."""
import http.server
import json
import os
import sys

if int(json.loads(os.environ["VCAP_APPLICATION"])["instance_id"], 16) % 3 == 0:
    print("not this time", file=sys.stderr, flush=True)
    sys.exit(9)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(1)
        self.send_response(200)
        self.end_headers()


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
