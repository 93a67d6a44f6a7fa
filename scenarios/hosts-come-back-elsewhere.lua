local cupola = require "cupola"

return cupola.scenario {
  title = "Hosts lose power and come back with their disks and other addresses: what ran there runs again, and no route leads to where it was",
  cloud = { routers = 2, health_managers = 2, deas = 4 },
  apps = { shop = { instances = 8 } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "ROUTER_KEEPS_BOTH_OF_AN_ORDER" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:fault("new_address", { target = "dea", share = cloud:draw(1, 2) == 1 and "50%" or "100%" })
    cloud:wait("1s")
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "60s"))
    cloud:mend_everything() -- Back they go.
    cloud:wait("1s")
    cloud:wait_until(cupola.converged, "60s")
  end,
}
