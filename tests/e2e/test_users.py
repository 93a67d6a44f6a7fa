"""Users of a real cloud: an admin makes one, acts for her, changes her password, and deletes her."""
import os
import unittest

from story import CloudStory, run_program


class UserStory(CloudStory):
    arguments = ("--deas", "1", "--routers", "1")

    def as_somebody_else(self, *arguments):
        """A command of another person on another machine."""
        home = os.path.join(self.folder, "other-home")
        return run_program(*arguments, env=dict(os.environ, CUPOLA_HOME=home, NO_COLOR="1"))

    def test_an_admin_looks_after_a_user_from_the_first_day_to_the_last(self):
        cloud, ada = self.cloud, "ada@example.org"
        me = cloud.facts["user"]
        cloud.run("create_user", ada, "--passwd", "a first secret")  # As 2011's users write it.
        self.assertIn(f"logged in as {me}", cloud.run("target"))
        self.assertEqual([(one["email"], one["admin"]) for one in cloud.run_json("users") if one["email"] == ada],
                         [(ada, False)])
        self.assertIn(f"* {me}", cloud.run("users"))

        self.assertIn(ada, cloud.run("proxy", ada))
        self.assertIn(f"acting for {ada}", cloud.run("target"))
        self.write("page/index.html", "hello\n")
        cloud.run("push", "hers", "--path", os.path.join(self.folder, "page"), "--framework", "static", "--no-start")
        self.assertIn("hers", cloud.run("users"), "who acts for others still asks as an admin")
        cloud.run("unproxy")
        self.assertEqual(cloud.run_json("apps"), [])
        self.assertEqual([app["name"] for app in cloud.run_json("apps", "-u", ada)], ["hers"])
        self.assertNotEqual(cloud.try_run("proxy", "nobody@example.org")[0], 0)
        self.assertNotIn("acting", cloud.run("targets"))

        cloud.run("passwd", ada, "--password", "a second secret")
        self.as_somebody_else("target", cloud.facts["api"], "--address", f"127.0.0.1:{cloud.router_port()}")
        self.assertNotEqual(self.as_somebody_else("login", ada, "--password", "a first secret")[0], 0)
        self.assertEqual(self.as_somebody_else("login", ada, "--password", "a second secret")[0], 0)
        self.assertNotEqual(self.as_somebody_else("users")[0], 0)
        self.assertNotEqual(self.as_somebody_else("proxy", me)[0], 0)
        self.assertEqual(self.as_somebody_else("mem", "hers", "64M")[0], 0)

        [login] = cloud.run_json("tokens")
        self.assertEqual((login["email"], login["current"]), (me, True))
        self.assertIn(login["token"], cloud.run("tokens"))

        cloud.run("delete-user", ada)
        self.assertNotIn(ada, cloud.run("users"))
        self.assertNotEqual(self.as_somebody_else("apps")[0], 0)


if __name__ == "__main__":
    unittest.main()
