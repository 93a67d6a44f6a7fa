local cupola = require "cupola"

return cupola.scenario {
  row = "B1",
  weakness = "one bus server: without it nothing is started, stopped or healed",
  title = "Of three bus servers one dies at a time: what crashes or is ordered meanwhile is running within seconds",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 3, bus_servers = 3 },
  apps = { shop = { instances = 4 }, blog = { instances = 2 } },
  load = { { host = "blog.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },
  tripped_by = { setting = { bus_servers = 1 } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round, bus in ipairs(cloud.bus) do
      local outage = bus:keep_down()
      cloud:pick(cloud:instances("shop")):kill()
      cloud:scale("shop", 4 + round % 2)
      cloud:wait("200ms")
      cloud:record("time to recovery", cloud:wait_until(cupola.converged, "12s"))
      outage:mend()
      cloud:wait("10s")
    end
    for _, bus in ipairs(cloud.bus) do
      cloud:expect(bus:state().routes == 2, "every server is connected to every other")
    end
  end,
}
