local cupola = require "cupola"

return cupola.scenario {
  row = "B5",
  weakness = "ten attempts two seconds apart, then the process ends: 25 seconds without the bus take controllers, DEAs and health manager down",
  title = "The bus is away for 25 seconds, then for ten minutes: every component waits, and comes back by itself",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 3 },
  apps = { shop = { instances = 4 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "BUS_CLIENT_GIVES_UP" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for times, outage in ipairs { "25s", "600s" } do
      local uuid = cloud.deas[1]:state().uuid
      cloud.bus[1]:keep_down(outage)
      cloud:wait(outage)
      cloud:wait("4s")
      for _, dea in ipairs(cloud.deas) do
        cloud:expect(dea:state().connected, "every DEA is back")
      end
      for _, manager in ipairs(cloud.health_managers) do
        cloud:expect(manager:state().connected, "every health manager is back")
      end
      cloud:expect(cloud.deas[1]:state().uuid == uuid, "and is the one that it was")
      cloud:pick(cloud:instances("shop")):kill()
      cloud:wait("100ms")
      cloud:record("time to recovery", cloud:wait_until(cupola.converged, "10s"))
      cloud:scale("shop", 4 + times) -- Which only those can do who hear each other again.
      cloud:wait_until(cupola.converged, "10s")
    end
  end,
}
