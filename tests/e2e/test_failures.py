"""Processes of the platform are killed with SIGKILL while apps serve: nobody notices, and all is whole again afterwards."""
import unittest

from story import CloudStory, Requests, await_that, processes_that_name


class FailureStory(CloudStory):
    arguments = ("--deas", "2", "--routers", "2", "--record")

    def test_a_killed_dea_finds_its_instances_again_and_no_request_fails(self):
        self.push("hello-node", "--instances", "4")
        before = self.await_serving("hello-node", 4)
        with Requests(self.cloud, self.host("hello-node"), routers=(0, 1)) as requests:
            for index in (0, 1):
                pid = self.cloud.kill("dea", index)
                self.await_new_life(f"dea-{index}", pid)
                self.await_whole("hello-node", 4)
        self.assertEqual(requests.failures, [])
        self.assertGreater(requests.answered, 10)
        self.assertEqual(self.await_serving("hello-node", 4), before, "the same processes as before")
        apps = [line for line in processes_that_name(self.folder).values() if line.endswith("server.js")]
        self.assertEqual(len(apps), 4, "none was started twice")
        self.replay_all_traces()

    def test_controller_health_manager_and_bus_are_killed_and_the_cloud_is_whole_again(self):
        self.push("hello-node", "--instances", "2")
        before = self.await_serving("hello-node", 2)
        with Requests(self.cloud, self.host("hello-node"), routers=(0, 1)) as requests:
            for role in ("controller", "health", "bus"):
                pid = self.cloud.kill(role)
                self.await_new_life(role, pid)
                self.await_whole("hello-node", 2)
        self.assertEqual(requests.failures, [], "what runs is served without any of them")
        self.assertEqual(self.await_serving("hello-node", 2), before)
        self.assert_changes_work()
        self.replay_all_traces()

    def test_each_router_is_killed_and_apps_are_served_by_the_other_one(self):
        self.push("hello-node", "--instances", "2")
        before = self.await_serving("hello-node", 2)
        for index in (0, 1):
            with Requests(self.cloud, self.host("hello-node"), routers=(1 - index,)) as requests:
                pid = self.cloud.kill("router", index)
                self.await_new_life(f"router-{index}", pid)
                await_that("the new router knows all routes",
                           lambda i=index: self.serving("hello-node", routers=(i,)) == before)
            self.assertEqual(requests.failures, [], "through the other router")
        self.assert_changes_work()
        self.replay_all_traces()

    # ---- Is it whole? ----

    def await_whole(self, app, count):
        """The API answers and knows of every instance."""
        def is_whole():
            code, listed = self.cloud.try_json("app", app)
            return code == 0 and listed["state"] == "STARTED" and listed.get("runningInstances") == count
        await_that(f"{count} instances of {app} are known to run", is_whole)

    def assert_changes_work(self):
        self.cloud.run("scale", "hello-node", "3")
        self.await_serving("hello-node", 3)
        self.push("hello-python")
        self.await_serving("hello-python", 1)


if __name__ == "__main__":
    unittest.main()
