"""Files that the controller has are not sent again; what is no sound package is refused and leaves nothing."""
import http.client
import io
import json
import os
import shutil
import tempfile
import time
import unittest
import zipfile

from cloud import Cloud

SERVER = """
const fs = require('fs');
const port = process.env.VCAP_APP_PORT || process.env.PORT;
require('http').createServer((q, r) => r.end(
  [0, 1, 2].map(i => fs.readFileSync('data' + i, 'latin1').slice(0, 4)).join(' '))).listen(port);
"""
LARGE = 4 << 20


class Resources(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="cupola-resources-")
        cls.cloud = Cloud(os.environ["CUPOLA"], cls.folder)
        cls.cloud.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cloud.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def api(self, method, path, body, content_type="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.component("controller")["port"], timeout=60)
        if path.startswith("/users/"):
            token = ""
        else:
            facts = self.cloud.facts
            _, answer = self.api("POST", f"/users/{facts['user']}/tokens", json.dumps({"password": facts["password"]}))
            token = json.loads(answer)["token"]
        connection.request(method, path, body, {"Authorization": token, "Content-Type": content_type})
        response = connection.getresponse()
        answer = response.status, response.read().decode(errors="replace")
        connection.close()
        return answer

    def upload(self, app, content):
        body = (b"--1\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nput\r\n"
                b"--1\r\nContent-Disposition: form-data; name=\"application\"; filename=\"a.zip\"\r\n\r\n" + content +
                b"\r\n--1--\r\n")
        return self.api("POST", f"/apps/{app}/application", body, "multipart/form-data; boundary=1")

    def test_only_what_changed_is_sent(self):
        app = os.path.join(self.folder, "app")
        os.makedirs(app)
        with open(os.path.join(app, "server.js"), "w", encoding="utf-8") as file:
            file.write(SERVER)
        for i in range(3):
            with open(os.path.join(app, f"data{i}"), "wb") as file:
                file.write(f"old{i}".encode() + os.urandom(LARGE))
        def push():
            began = time.monotonic()
            _, said, complained = self.cloud.try_run("push", "files", "--path", app)
            sent = [int(line.split()[-2]) for line in (said + complained).splitlines()
                    if "uploading" in line and line.endswith(" KB")]
            return time.monotonic() - began, sent, said + complained
        first_s, _, said = push()
        host = f"files.{self.cloud.facts['api'].split('api.', 1)[1].split(':')[0].rstrip('/')}"
        self.assertEqual((200, "old0 old1 old2"), self.cloud.get(host), said)
        same_s, same_kb, said = push()
        with open(os.path.join(app, "data1"), "wb") as file:
            file.write(b"new1" + os.urandom(LARGE))
        changed_s, changed_kb, said = push()
        self.assertEqual((200, "old0 new1 old2"), self.cloud.get(host), said)
        print(f"push of 12 MB: {first_s:.2f} s; unchanged: {same_s:.2f} s; 4 MB changed: {changed_s:.2f} s")
        self.assertLess(sum(same_kb), 64, said)                      # Only the small file.
        self.assertIn(sum(changed_kb), range(LARGE // 1024, LARGE // 1024 + 64), said)  # And one changed file.

    def test_unsound_uploads_are_refused_and_leave_nothing(self):
        status, _ = self.api("POST", "/apps", json.dumps(
            {"name": "bad", "staging": {"framework": "node"}, "instances": 1, "resources": {"memory": 64}}))
        self.assertEqual(302, status)
        def zipped(name, content=b"x", attributes=0):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                info = zipfile.ZipInfo(name)
                info.create_system = 3
                info.external_attr = attributes << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, content)
            return buffer.getvalue()
        good = zipped("server.js", os.urandom(1000))
        bomb = zipped("zeros", bytes(600 << 20))
        for name, content in {
                "traversal": zipped("../../evil"), "absolute": zipped("/tmp/evil"), "bomb": bomb,
                "link out": zipped("link", b"../../../etc/passwd", 0o120777), "device": zipped("dev", b"", 0o020666),
                "cut": good[:len(good) // 2], "nothing": b"", "text": b"this is no archive"}.items():
            status, body = self.upload("bad", content)
            self.assertEqual((500, 402), (status, json.loads(body)["code"]), f"{name}: {body}")
        status, body = self.upload("bad", good)
        self.assertEqual(200, status, body)
        controller = os.path.join(self.folder, "cloud")
        left = [os.path.join(at, name) for at, folders, names in os.walk(controller) for name in folders + names
                if name == "evil" or name.startswith("package-") or os.sep + "temp" + os.sep in os.path.join(at, name)]
        self.assertEqual([], left)


if __name__ == "__main__":
    unittest.main()
