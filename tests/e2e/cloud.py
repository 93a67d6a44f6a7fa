"""A real cloud on this machine, for the demo and the end-to-end tests: started by `cupola up`, broken by signals."""
import http.client
import json
import os
import signal
import subprocess
import time

# For machines that are so many times slower: emulated ones.
PATIENCE = int(os.environ.get("CUPOLA_PATIENCE") or 1)


class CloudError(Exception):
    """Something of the cloud did not do what it should; the text says what."""


class Cloud:
    """Use it in a `with` statement: whatever happens inside, nothing of the cloud is left afterwards."""

    def __init__(self, program, folder, *arguments):
        self.program = os.path.abspath(program)
        self.folder = folder
        # Process numbers that apps tell are of use outside of a container only.
        self.arguments = arguments if "--workloads" in arguments else (*arguments, "--workloads", "process")
        self.process = None
        self.facts = None

    # ---- Life -----------------------------------------------------------------------------------------------------

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        self.log = open(os.path.join(self.folder, "up.log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [self.program, "up", "--dir", os.path.join(self.folder, "cloud"), "--keep", *self.arguments],
            stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            self.await_facts()
            self.run("target", self.facts["api"], "--address", f"127.0.0.1:{self.router_port()}")
            self.run("login", self.facts["user"], "--password", self.facts["password"])
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def await_facts(self):
        path = os.path.join(self.folder, "cloud", "cloud.json")
        deadline = time.monotonic() + 30 * PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise CloudError("`cupola up` ended by itself:\n" + self.tail_of_log())
            if os.path.exists(path):
                self.facts = self.read_facts()
                if self.facts.get("ready"):
                    return
            time.sleep(0.05)
        raise CloudError(f"the cloud did not come up in {30 * PATIENCE} s:\n" + self.tail_of_log())

    def read_facts(self):
        with open(os.path.join(self.folder, "cloud", "cloud.json"), encoding="utf-8") as file:
            try:
                return json.load(file)
            except ValueError:
                return {}

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60 * PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def tail_of_log(self):
        with open(os.path.join(self.folder, "up.log"), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-15:])

    # ---- What people do ---------------------------------------------------------------------------------------------

    def run(self, *arguments, check=True):
        """Runs a command of the client; returns what it printed."""
        code, said, complained = self.try_run(*arguments)
        if check and code != 0:
            raise CloudError(f"cupola {' '.join(arguments)} failed with {code}:\n{said}{complained}")
        return said

    def run_json(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def try_run(self, *arguments):
        """Runs a command that may fail: (exit code, what it printed, what it complained)."""
        if PATIENCE > 1 and "--timeout" not in arguments:
            arguments = (*arguments, "--timeout", str(120 * PATIENCE))
        environment = dict(os.environ, CUPOLA_HOME=os.path.join(self.folder, "home"), NO_COLOR="1")
        done = subprocess.run([self.program, *arguments], env=environment, capture_output=True, text=True,
                              timeout=170 * PATIENCE, check=False)
        return done.returncode, done.stdout, done.stderr

    def try_json(self, *arguments):
        """(exit code, answer or None): for those who ask until it works."""
        code, said, _ = self.try_run(*arguments, "--json")
        return code, json.loads(said) if code == 0 else None

    def router_port(self, index=0):
        return self.component("router", index)["port"]

    def get(self, host, path="/", router=0, timeout=5):
        """One request through a router: (status, body), or (0, reason) if there was no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.router_port(router), timeout=timeout * PATIENCE)
        try:
            connection.request("GET", path, headers={"Host": host})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    # ---- What breaks ------------------------------------------------------------------------------------------------

    def component(self, role, index=0):
        """The one that lives: between two lives it has the number 0, which to kill() means ourselves."""
        deadline = time.monotonic() + 30 * PATIENCE
        while True:
            one = [one for one in self.facts["components"] if one["role"] == role][index]
            if one["pid"] != 0:
                return one
            if time.monotonic() > deadline:
                raise CloudError(f"{one['name']} does not come back")
            time.sleep(0.05)
            self.refresh()

    def refresh(self):
        self.facts = self.read_facts() or self.facts

    def kill(self, role, index=0):
        """SIGKILL, as if it had crashed. `cupola up` starts it again."""
        pid = self.component(role, index)["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid
