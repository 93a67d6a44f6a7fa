local cupola = require "cupola"

return cupola.scenario {
  row = "B2",
  weakness = "after a reconnect controllers listen without their queue group: each of N carries out every request, and N instances start",
  title = "Three controllers find the bus again: a crash afterwards is answered by one of them, with one start",
  cloud = { controllers = 3, health_managers = 2, deas = 3 },
  apps = { shop = { instances = 5 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "BUS_CLIENT_FORGETS_QUEUES" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local groups = cloud.bus[1]:state().queue_groups
    cloud.bus[1]:restart()
    cloud:wait("10s")
    cloud:wait_until(cupola.converged, "20s")
    local started = cloud:started()
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("100ms")
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "10s"))
    cloud:wait("30s")
    cloud:expect(cloud:started() == started + 1, "one instance was started")
    cloud:expect(cloud.bus[1]:state().queue_groups == groups, "controllers share their work as before")
  end,
}
