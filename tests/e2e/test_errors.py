"""What goes wrong is told with its place, by everything that people write or type: requests, configurations, scenarios."""
import http.client
import json
import os
import unittest

from story import APPS, CloudStory, FolderStory, run_program


class RestStory(CloudStory):
    """Raw requests to the API, as a clumsy client sends them."""

    arguments = ("--deas", "1")

    def setUp(self):
        super().setUp()
        with open(os.path.join(self.folder, "home", "cupola.json"), encoding="utf-8") as file:
            self.token = json.load(file)["targets"][0]["token"]

    def ask(self, method, path, body=None, token=None, **headers):
        """One request: (status, code of the error, its description)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.router_port(), timeout=20)
        headers = {"Host": self.host("api"), "Authorization": self.token if token is None else token, **headers}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read().decode()
        finally:
            connection.close()
        try:
            said = json.loads(content)
        except ValueError:
            return answer.status, None, content
        return (answer.status, said.get("code"), said.get("description")) if isinstance(said, dict) \
            else (answer.status, None, content)

    def test_a_malformed_body_is_refused_with_its_line_and_field(self):
        good = {"name": "shop", "staging": {"framework": "node", "runtime": "node"}, "instances": 1}
        cases = [
            ("", 100, "line 1: parse error: premature EOF"),
            ("{\n\"name\": \"shop\",\n", 100, "line 3: name: parse error: premature EOF"),
            ("[]", 100, "expected an object, found an array"),
            ("null", 100, "expected an object, found null"),
            (json.dumps({**good, "name": 5}), 100, "name: expected a string, found 5"),
            (json.dumps({**good, "instances": "two"}), 100, "instances: expected an integer, found a string"),
            (json.dumps({**good, "uris": ["a", 7]}), 100, "uris[1]: expected a string, found 7"),
            (json.dumps({**good, "resources": {"memory": []}}), 100, "resources.memory: expected an integer"),
            (json.dumps(good) + "}", 100, "parse error: trailing garbage"),
            ("{\"name\":\"\xff\"}", 100, "line 1: name: lexical error: invalid bytes in UTF8"),
            (json.dumps({**good, "instances": -1}), 300, "instances: -1 is not between 0 and"),
            (json.dumps({**good, "resources": {"memory": -1}}), 300, "resources.memory: -1 is not between"),
            (json.dumps({**good, "name": "a b"}), 300, "name: expected letters"),
            (json.dumps({**good, "staging": {"framework": "cobol"}}), 300, "staging.framework: not known"),
            (json.dumps({"name": "shop"}), 300, "staging: missing"),
            (json.dumps({**good, "uris": ["x y"]}), 700, "Invalid URI: \"x y\""),
            (json.dumps({**good, "uris": [self.host("api")]}), 701, "already been taken or reserved"),
        ]
        for body, code, text in cases:
            with self.subTest(body=body[:60]):
                status, said_code, said = self.ask("POST", "/apps", body.encode("latin-1"))
                self.assertEqual((status, said_code), (400, code), said)
                self.assertIn(text, said)
        status, code, said = self.ask("POST", "/apps", b" " * (2 << 20))
        self.assertEqual((status, code), (400, 100), said)
        self.assertEqual(self.cloud.run_json("apps"), [], "none of it made an app")

    def test_unknown_apps_are_not_found_by_any_request(self):
        for method, path, body in (("GET", "/apps/nobody", None), ("PUT", "/apps/nobody", "{}"),
                                   ("DELETE", "/apps/nobody", None), ("GET", "/apps/nobody/instances", None),
                                   ("GET", "/apps/nobody/stats", None), ("GET", "/apps/nobody/crashes", None),
                                   ("GET", "/apps/nobody/instances/0/files/", None)):
            with self.subTest(request=f"{method} {path}"):
                self.assertEqual(self.ask(method, path, body), (404, 301, "Application not found"))
        self.assertEqual(self.ask("GET", "/nowhere")[0], 404)

    def test_only_the_token_that_the_cloud_gave_opens_the_door(self):
        flipped = {"0": "1"}.get(self.token[0], "0") + self.token[1:]
        other_user = self.token[:-2] + ("73" if self.token[-2:] == "74" else "74")
        middle = len(self.token) // 2
        later = self.token[:middle - 4] + "ffffffff" + self.token[middle + 4:]
        for token in ("", "nonsense", "ff" * 40, flipped, other_user, later, self.token[:-2], self.token + "00",
                      "bearer " + self.token, 5000 * "a"):
            with self.subTest(token=token[:80]):
                self.assertEqual(self.ask("GET", "/apps", token=token), (403, 200, "Operation not permitted"))
        self.assertEqual(self.ask("GET", "/apps"), (200, None, "[]"))

    def test_the_client_says_what_failed_and_what_to_do_next(self):
        self.cloud.run("push", "shop", "--path", os.path.join(APPS, "hello-node"), "--no-start")
        cases = [
            (["app", "nobody"], "Application not found"),
            (["scale", "nobody", "2"], "`cupola apps` lists"),
            (["delete", "nobody"], "`cupola apps` lists"),
            (["login", "admin@cupola.test", "--password", "wrong"], "logging in: Operation not permitted"),
            (["map", "shop", self.host("api")], "already been taken"),
            (["push", "other", "--path", os.path.join(APPS, "hello-node"), "--framework", "cobol"], "not known"),
            (["push", "other", "--path", self.folder + "/nowhere"], "No such file or directory"),
            (["push", "other", "--path", APPS], "no known kind of app"),
        ]
        for arguments, text in cases:
            with self.subTest(command=" ".join(arguments)):
                code, said, complained = self.cloud.try_run(*arguments)
                self.assertEqual((code, said), (1, ""))
                self.assertIn(text, complained)
        code, said, _ = self.cloud.try_run("app", "nobody", "--json")
        self.assertEqual((code, json.loads(said)["code"]), (1, 301))


class ConfigurationStory(FolderStory):
    def check(self, content, role="router"):
        self.write("c.json", content)
        return run_program("run", role, "--config", "c.json", "--check", cwd=self.folder)

    def test_a_bad_configuration_is_refused_with_file_line_and_key(self):
        cases = [
            ('{\n "router": {\n  "max_conections": 5\n }\n}', 'c.json:3: router: unknown key "max_conections"'),
            ('{\n "router": {\n  "max_conections": 5\n }\n}', 'did you mean "max_connections"?'),
            ('{\n\n "rooter": {}}', 'c.json:3: unknown key "rooter", did you mean "router"?'),
            ('{"router":\n{"max_connections": "five"}}', "c.json:2: router.max_connections: expected an integer"),
            ('{"router":\n{"max_connections": 1.5}}', "c.json:2: router.max_connections: expected an integer"),
            ('{"router":\n{"max_connections": -5}}', "c.json:2: router.max_connections: expected an integer"),
            ('{"router":\n{"listen": [1]}}', "c.json:2: router.listen: expected an object, found an array"),
            ('{"router":\n\n{"max_connections": 5,}}', "c.json:3: router.max_connections: parse error"),
            ('{"router":\n{"max_connections": 0}}', "c.json:2: router.max_connections: 0 is too small"),
            ('{"router": {"listen": {"port": 70000}}}', "router.listen.port: 70000 is too large"),
            ('{"driver": {"log_level": "loud"}}', 'driver.log_level: "loud" is none of debug'),
            ('{"driver": {"workloads": "vm"}}', 'driver.workloads: "vm" is none of auto, process, bubblewrap, oci'),
            ('{"dea": {"first_port": 5000, "last_port": 4000}}', "dea.first_port: 5000 is above last_port, 4000"),
            ('{"dea": {"runtimes": [{"name": "node"},\n{"nane": "x"}]}}', "c.json:2: dea.runtimes[1]: unknown key"),
            ('{"router":\n{"max_connections": 5,\n"max_connections": 6}}',
             "c.json:3: router.max_connections: the key comes twice"),
            ("[]", "c.json:1: expected an object, found an array"),
            ("", "c.json:1: parse error: premature EOF"),
            ("{} x", "c.json:1: parse error: trailing garbage"),
        ]
        for content, text in cases:
            with self.subTest(content=content):
                code, said, complained = self.check(content)
                self.assertEqual((code, said), (2, ""), complained)
                self.assertIn(text, complained)

    def test_a_good_configuration_passes_for_every_role(self):
        for role in ("bus", "router", "controller", "dea", "health"):
            self.assertEqual(self.check("{}", role), (0, "", ""))

    def test_bad_arguments_are_told_with_the_way_out(self):
        for arguments, text in (
                (["rnu"], "did you mean 'run'?"),
                ([], "usage: cupola COMMAND"),
                (["run"], "bus, router, controller, dea or health"),
                (["run", "waiter", "--check"], "bus, router, controller, dea or health"),
                (["run", "router", "--listen", "nonsense", "--check"], '"nonsense" is no address: give HOST:PORT'),
                (["run", "router", "--config", "/nowhere.json"], "cannot read /nowhere.json: No such file"),
                (["run", "router", "--lisen", "x"], "`cupola run --help`"),
                (["scale"], "cupola scale --help"),
                (["scale", "shop", "many"], "'many' is not a number from 0 to"),
                (["push", "shop", "--memory", "lots"], "write it like 64M or 1G"),
                (["scale", "shop", "--path", "x"], "`cupola scale` has no option --path"),
                (["target", "ftp://cloud"], "write it like http://"),
                (["up", "--deas", "0"], "is not a number from 1 to 16"),
                (["up", "--domain", "x y"], "is no domain name"),
                (["up", "--workloads", "vm"], 'not "vm"')):
            with self.subTest(arguments=arguments):
                code, said, complained = self.run_at_home(*arguments)
                self.assertEqual((code, said), (2, ""), complained)
                self.assertIn(text, complained)

    def test_a_failure_is_no_wrong_call(self):
        code, _, complained = self.run_at_home("apps")
        self.assertEqual(code, 1)
        self.assertIn("cupola target", complained)
        code, _, complained = self.run_at_home("target", "http://api.x.test", "--address", "127.0.0.1:1", "--timeout", "1")
        self.assertEqual(code, 1)
        self.assertIn("connection refused", complained)

    def run_at_home(self, *arguments):
        return run_program(*arguments, env=dict(os.environ, CUPOLA_HOME=os.path.join(self.folder, "home")))


class ScenarioStory(FolderStory):
    def run_scenario(self, content):
        self.write("s.lua", content)
        return run_program("sim", "run", "s.lua", cwd=self.folder)

    def test_a_bad_scenario_is_refused_with_file_and_line(self):
        for content, text in (
                ("\nscenario({", "s.lua:2: unexpected symbol near"),
                ("local x = nil\nx.y = 1\n", "s.lua:2: attempt to index a nil value (local 'x')"),
                ("\n\nos.exit(3)\n", "s.lua:3: "),
                ("\nprint(1)\n", "s.lua:2: 'print' is not there in scenarios"),
                ("\nwhile true do end\n", "s.lua:2: the scenario ran"),
                ("return 5", "s.lua: the file must end with `return cupola.scenario"),
                ('local cupola = require "cupola"\nreturn cupola.scenario { titel = "x" }',
                 "s.lua:2: unknown key 'titel', did you mean 'title'?"),
                ('local cupola = require "cupola"\nreturn cupola.scenario { cloud = { deas = "x" } }',
                 's.lua:2: cloud.deas: expected a whole number, found "x"'),
                ('local cupola = require "cupola"\nreturn cupola.scenari {}',
                 "s.lua:2: cupola has no 'scenari', did you mean 'scenario'?")):
            with self.subTest(content=content):
                code, _, complained = self.run_scenario(content)
                self.assertEqual(code, 2, complained)
                self.assertIn(text, complained)

    def test_a_mistake_in_a_run_names_its_line_and_what_was_meant(self):
        for line, text in (
                ("cloud:wait_till(cupola.converged)", "this cloud has no 'wait_till', did you mean 'wait_until'?"),
                ("cloud.deas[1]:kil()", "this component has no 'kil', did you mean 'kill'?"),
                ("cloud:pick(cloud.dea):kill()", "this cloud has no 'dea', did you mean 'deas'?"),
                ("cloud:pick(nil):kill()", "pick: expected a list such as cloud.deas, found nil"),
                ("cloud:fault('kil', { target = 'dea-0' })", "did you mean 'kill'?"),
                ("cloud:wait_until(cupola.converged, 60)", 'wait_until: 60 is nanoseconds, as all durations that are '
                                                           'numbers; write it like "60s"')):
            with self.subTest(line=line):
                code, said, _ = self.run_scenario(
                    'local cupola = require "cupola"\nreturn cupola.scenario { title = "x", run = function(cloud)\n'
                    f'{line}\nend }}')
                self.assertEqual(code, 1, said)
                self.assertIn("s.lua:3: ", said)
                self.assertIn(text, said)

    def test_what_is_no_trace_is_not_replayed(self):
        path = self.write("no.trace", "nonsense")
        code, _, complained = run_program("sim", "replay", path)
        self.assertEqual(code, 2)
        self.assertIn("no.trace is not a trace", complained)
        self.assertEqual(run_program("sim", "replay", self.folder + "/nowhere")[0], 2)


if __name__ == "__main__":
    unittest.main()
