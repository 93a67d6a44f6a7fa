"""A DEA is told to hand over its instances (SIGUSR2) while clients never stop to ask."""
import os
import signal
import unittest

from story import CloudStory, Requests, await_that, processes_that_name


class EvacuationStory(CloudStory):
    arguments = ("--deas", "2", "--routers", "2")

    def test_an_evacuated_dea_hands_over_every_instance_and_no_request_fails(self):
        self.push("hello-node", "--instances", "4")
        self.await_serving("hello-node", 4)
        leaving, staying = self.with_instances()
        with Requests(self.cloud, self.host("hello-node")) as first, \
                Requests(self.cloud, self.host("hello-node"), routers=(1,)) as second:
            pid = self.cloud.component("dea", leaving)["pid"]
            os.kill(pid, signal.SIGUSR2)
            await_that("all instances run on the other DEA", lambda: len(self.instances_of(staying)) == 4)
            self.await_new_life(f"dea-{leaving}", pid)
            after = self.await_serving("hello-node", 4)
        self.assertEqual(first.failures + second.failures, [])
        self.assertGreater(min(first.answered, second.answered), 10)
        self.assertEqual(sorted(after.values()), sorted(self.instances_of(staying)))
        self.assertEqual(self.instances_of(leaving), {})

    def instances_of(self, index):
        """The app processes of a DEA: they work below its folder."""
        workloads = os.path.join(self.cloud.component("dea", index)["data"], "workloads")
        return {pid: line for pid, line in processes_that_name(workloads).items() if "server.js" in line}

    def with_instances(self):
        """(a DEA that runs some of the instances, the other one)"""
        return (0, 1) if self.instances_of(0) else (1, 0)


if __name__ == "__main__":
    unittest.main()
