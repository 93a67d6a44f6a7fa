"""The client at the keyboard: JSON from every verb, whatever comes of it, and an end at any moment of a push."""
import json
import os
import random
import shlex
import signal
import subprocess

from story import APPS, CloudStory, await_that

GOOD = """
target | targets | tokens | info | runtimes | users | apps | list | app hello | scale hello 2 | scale hello -1
stop hello | env hello A=1 B=2 | env hello A=3 B | env hello | start hello | env hello A | events hello
revisions hello | rollback hello | settings hello | settings hello '{"canary":1}' | map hello two.cupola.localhost
unmap hello two.cupola.localhost | mem hello | restart hello | services | logs hello | files hello
files hello app/server.js | files hello app/random | stats hello | instances hello | crashes hello | crashlogs hello
alias ll apps | aliases | unalias ll | doctor | version | proxy admin@cupola.test | unproxy
add-user x@y.z --password abcdefgh | passwd x@y.z --password bcdefghi | delete-user x@y.z
"""
BAD = """
target 'a b' | login nobody@x.y --password z | register admin@cupola.test --password abcdefgh | app nope | scale nope 2
scale hello x | scale hello | scale | stop nope | start nope | restart nope | update nope | events nope | revisions nope
rollback nope | rollback hello 999 | rollback hello x | settings nope | settings hello { | map nope a.b | map | env nope
env hello =x | logs nope | files nope | files hello nope | stats nope | instances nope | crashes nope | delete nope
push nope --path /nonexistent | push x --wrong | unalias nope | alias list apps | bind-service a b | unbind-service a b
create-service a b | delete-service nope | clone-services a b | proxy nope@x.y | passwd nope@x.y --password abcdefgh
add-user a --password b | delete-user nope@x.y | apps --timeout x | nosuchcommand
"""


def commands(table):
    return [shlex.split(line) for lines in table.strip().splitlines() for line in lines.split("|")]


class ClientStory(CloudStory):
    arguments = ("--deas", "1", "--routers", "1")

    def client(self, *arguments):
        environment = dict(os.environ, CUPOLA_HOME=os.path.join(self.cloud.folder, "home"), NO_COLOR="1")
        client = subprocess.Popen([self.cloud.program, *arguments], env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(client.kill)
        return client

    def test_every_verb_answers_in_json(self):
        folder = os.path.join(self.folder, "app")
        subprocess.run(["cp", "-r", os.path.join(APPS, "hello-node"), folder], check=True)
        with open(os.path.join(folder, "random"), "wb") as file:
            file.write(random.Random(7).randbytes(1000))
        pushed = json.loads(self.cloud.run("push", "hello", "--path", folder, "--json"))
        self.assertEqual(pushed["state"], "STARTED")
        for table, is_good in ((GOOD, True), (BAD, False)):
            for words in commands(table):
                with self.subTest(words=words):
                    code, said, complained = self.cloud.try_run(*words, "--json")
                    self.assertEqual(code == 0, is_good, said + complained)
                    answer = json.loads(said)
                    if not is_good:
                        self.assertTrue(answer["error"])
        for words, code in ((["true"], 0), (["false"], 1), (["--", "sh", "-c", "exit 7"], 7)):
            with self.subTest(words=words):
                found, said, _ = self.cloud.try_run("exec", "--json", "hello", *words)
                self.assertEqual((found, json.loads(said.splitlines()[-1])), (code, {"exit": code}))
        for words in (["nope", "true"], ["hello", "nothing-of-that-name"]):
            code, said, _ = self.cloud.try_run("exec", "--json", *words)
            self.assertEqual(code, 126, said)
            self.assertTrue(json.loads(said)["error"])

    def test_what_is_followed_comes_whole_and_ends_with_its_reader(self):
        folder = os.path.join(self.folder, "app")
        os.makedirs(folder)
        self.write("app/server.js", "console.log('x'.repeat(5000)); console.log('{\"a\":1}');\n" +
                   "require('http').createServer((q, a) => a.end('ok')).listen(process.env.PORT);\n")
        self.cloud.run("push", "wordy", "--path", folder)
        for words, wanted in ((("logs", "--json"), lambda line: len(line.get("line", "")) == 5000),
                              (("logs", "--json"), lambda line: line.get("line") == '{"a":1}'),
                              (("events", "--json"), lambda line: line.get("kind") == "created")):
            with self.client(words[0], "wordy", "--follow", *words[1:]) as follower:
                self.assertTrue(any(wanted(json.loads(line)) for line in follower.stdout), words)
                follower.send_signal(signal.SIGHUP)  # The terminal is closed.
                self.assertEqual(follower.wait(30), 130)
                self.assertFalse([line for line in follower.stdout if "error" in json.loads(line)])
        with self.client("logs", "wordy", "--follow") as follower:
            self.assertTrue(any(line.endswith(b"] " + 5000 * b"x" + b"\n") for line in follower.stdout))
            follower.kill()
        follower = self.client("events", "wordy", "--follow")
        follower.stdout.readline()
        follower.stdout.close()  # As `| head -1` does.
        for instances in "2", "1", "2", "1":
            self.cloud.run("scale", "wordy", instances)
        self.assertEqual(follower.wait(30), 141)

    def test_a_push_may_end_at_any_moment_and_the_next_one_works(self):
        home = os.path.join(self.cloud.folder, "home")
        folder = os.path.join(self.folder, "app")
        subprocess.run(["cp", "-r", os.path.join(APPS, "hello-node"), folder], check=True)
        drawn = random.Random(11)
        for number, ended_by in enumerate([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]):
            name = f"app-{number}"
            self.write("app/number", str(number))
            with open(os.path.join(folder, "random"), "wb") as file:
                file.write(drawn.randbytes(1_000_000))
            push = self.client("push", name, "--path", folder)
            try:
                push.wait(drawn.uniform(0, 0.8))
            except subprocess.TimeoutExpired:
                push.send_signal(ended_by)
            push.communicate(timeout=60)
            self.cloud.run("push", name, "--path", folder)
            self.assertEqual(os.listdir(home), ["cupola.json"], ended_by)
            await_that(f"{name} answers", lambda name=name: self.cloud.get(self.host(name))[0] == 200)
            self.assertEqual(self.cloud.run("files", name, "app/number"), f"{number}\n", ended_by)
            self.cloud.run("delete", name)
        self.assertEqual(self.cloud.run_json("apps"), [])
