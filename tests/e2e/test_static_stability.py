"""Bus, controllers and health managers are all gone at once: routers route on, and DEAs restart what crashes.

CUPOLA_STABILITY_S says for how long (default: 30 seconds each way of being gone).
"""
import os
import signal
import time
import unittest

from story import CloudStory, Requests, await_that, is_alive, processes_that_name

SECONDS = float(os.environ.get("CUPOLA_STABILITY_S", "30"))
INSTANCES = 4
CONTROL_PLANE = ("bus", "controller", "health")


class StaticStabilityStory(CloudStory):
    arguments = ("--deas", "3", "--routers", "2")

    def test_all_that_controls_is_frozen_and_apps_serve_and_heal(self):
        self.tell_the_story(self.freeze)

    def test_all_that_controls_is_killed_and_stays_away_and_apps_serve_and_heal(self):
        def kill(pids):
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            self.freeze(self.await_control_plane(without=pids))  # `cupola up` starts what ends: it shall not get far.
        self.tell_the_story(kill)

    def test_only_the_controllers_are_frozen_and_apps_heal(self):
        self.tell_the_story(self.freeze, roles=("controller",))

    def tell_the_story(self, remove, roles=CONTROL_PLANE):
        self.push("hello-node", "--instances", str(INSTANCES))
        running = self.await_serving("hello-node", INSTANCES)
        self.frozen = []
        self.addCleanup(self.thaw)
        with Requests(self.cloud, self.host("hello-node"), routers=(0, 1)) as requests:
            began = time.monotonic()
            remove(self.pids_of(roles))
            time.sleep(12)  # A health manager that still runs waits for 7 s before it says so, a DEA for 3 s.
            crashes = 0
            while crashes == 0 or time.monotonic() - began < SECONDS:
                running = self.crash_one(requests, running, crashes % INSTANCES)
                crashes += 1
                time.sleep(min(5 * crashes, max(0.0, began + SECONDS - time.monotonic())))
            self.thaw()
            self.await_known(INSTANCES)
            time.sleep(5)  # In which a start for nothing would show.
            self.assertEqual(self.await_serving("hello-node", INSTANCES), running, "the same processes as before")
        self.assertEqual(requests.failures, [])
        self.assertGreater(requests.answered, 100)
        self.assertEqual(sorted(self.app_processes()), sorted(running.values()), "none is there twice")
        self.cloud.run("scale", "hello-node", str(INSTANCES + 1))
        self.await_serving("hello-node", INSTANCES + 1)
        print(f"\n{self.id().rpartition('.')[2]}: {SECONDS:.0f} s, {crashes} crashes healed, "
              f"{requests.answered} requests, {len(requests.failures)} failed")

    # ---- What happens to them ----

    def pids_of(self, roles):
        self.cloud.refresh()
        return [one["pid"] for one in self.cloud.facts["components"] if one["role"] in roles]

    def await_control_plane(self, without):
        """The next lives of those processes."""
        def all_new():
            pids = self.pids_of(CONTROL_PLANE)
            return pids if 0 not in pids and not set(pids) & set(without) else None
        return await_that("all are started again", all_new)

    def freeze(self, pids):
        self.assertNotIn(0, pids, "all live")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        self.frozen += pids

    def thaw(self):
        while self.frozen:
            os.kill(self.frozen.pop(), signal.SIGCONT)

    def crash_one(self, requests, running, index):
        """Returns the instances that serve when it is healed: the others are as they were."""
        with requests.quiet():  # The router does not repeat a request that may have ended an instance.
            os.kill(running[index], signal.SIGKILL)
            await_that("it is dead", lambda: not is_alive(running[index]))
            time.sleep(0.2)  # Until the routers have read that its idle connections have ended.
        healed = self.await_serving("hello-node", INSTANCES, without=(running[index],))
        self.assertEqual({i: pid for i, pid in healed.items() if i != index},
                         {i: pid for i, pid in running.items() if i != index})
        return healed

    # ---- Is it whole? ----

    def app_processes(self):
        return [pid for pid, line in processes_that_name(self.folder).items() if line.endswith("server.js")]

    def await_known(self, count):
        """The API answers and knows of every instance."""
        def is_known():
            code, listed = self.cloud.try_json("app", "hello-node")
            return code == 0 and listed.get("runningInstances") == count
        await_that(f"{count} instances are known to run", is_known)


if __name__ == "__main__":
    unittest.main()
