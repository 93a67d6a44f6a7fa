local cupola = require "cupola"

return cupola.scenario {
  title = "A router has no bus for twenty minutes while ports go round: it asks the DEAs themselves, and serves no port's former app",
  row = "R1",
  weakness = "host:port is all that a route is: a router without the bus sends requests to whoever has the port by now",
  tripped_by = { setting = { router_config = { lonely_ms = 0 } } },
  cloud = {
    deas = 2,
    routers = 2,
    dea_config = { first_port = 40000, last_port = 40063, standing_delay_ms = 10, standing_delay_most_ms = 10 },
    health_manager_config = { flapping_death = 1000000 },
  },
  apps = {
    shop = { instances = 3, boot = "100ms" },
    blog = { instances = 3, boot = "100ms" },
  },
  load = {
    { host = "shop.cupola.test", rate = 10, from = "5s" },
    { host = "blog.cupola.test", rate = 10, from = "5s" },
  },
  always = { cupola.never_misrouted, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "30s")
    cloud:wait("3s") -- The digests that tell the way follow the first registrations by a second.
    local alone = cloud:fault("partition", { target = cloud:pick(cloud.routers), peer = "bus" })
    for _ = 1, 240 do
      cloud:pick(cloud:instances()):kill()
      cloud:wait(("%dms"):format(cloud:draw(3000, 7000)))
    end
    alone:mend()
    cloud:wait_until(cupola.converged, "60s")
  end,
}
