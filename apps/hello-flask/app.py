import json
import os
import platform
import signal

from flask import Flask

application = json.loads(os.environ.get("VCAP_APPLICATION", "{}"))
app = Flask(__name__)


@app.get("/")
def hello():
    return {"app": application.get("name"), "index": application.get("instance_index"),
            "instance": application.get("instance_id"), "runtime": f"Python {platform.python_version()}, Flask",
            "pid": os.getppid()}


@app.get("/crash")
def crash():
    os.kill(os.getppid(), signal.SIGKILL)  # The whole server, not one of its workers.
    os._exit(1)
