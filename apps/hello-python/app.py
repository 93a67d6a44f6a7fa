"""Says who answers: the smallest app that shows which instance one talks to."""
import json
import os
import platform
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

application = json.loads(os.environ.get("VCAP_APPLICATION", "{}"))


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *arguments):
        """One line a request would only fill the log."""


def answer(environ, start_response):
    if environ["PATH_INFO"] == "/crash":
        print("asked to crash", file=sys.stderr, flush=True)
        os._exit(1)
    body = json.dumps({
        "app": application.get("name"),
        "index": application.get("instance_index"),
        "instance": application.get("instance_id"),
        "runtime": "Python " + platform.python_version(),
        "pid": os.getpid(),
    }) + "\n"
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body.encode()]


if __name__ == "__main__":
    port = int(os.environ.get("PORT") or os.environ.get("VCAP_APP_PORT") or 3000)
    with make_server("", port, answer, handler_class=QuietHandler) as server:
        print(f"listening on port {port}", flush=True)
        server.serve_forever()
