import json
import os
import platform
import signal

from django.http import JsonResponse
from django.urls import path

application = json.loads(os.environ.get("VCAP_APPLICATION", "{}"))


def hello(request):
    return JsonResponse({"app": application.get("name"), "index": application.get("instance_index"),
                         "instance": application.get("instance_id"),
                         "runtime": f"Python {platform.python_version()}, Django", "pid": os.getppid()})


def crash(request):
    os.kill(os.getppid(), signal.SIGKILL)  # The whole server, not one of its workers.
    os._exit(1)


urlpatterns = [path("", hello), path("crash", crash)]
