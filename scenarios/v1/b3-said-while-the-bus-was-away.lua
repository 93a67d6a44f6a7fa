local cupola = require "cupola"

return cupola.scenario {
  row = "B3",
  weakness = "a client that has lost its server takes itself for connected: what it publishes vanishes, exits, stops and routes among it",
  title = "An address is taken away from an app while the bus is gone: the order arrives when the bus is back",
  cloud = { routers = 2, controllers = 1, health_managers = 2, deas = 3 },
  apps = { shop = { instances = 4 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "BUS_CLIENT_LOSES_PUBLICATIONS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local outage = cloud.bus[1]:keep_down()
    cloud:wait("1s")
    cloud:map("shop", "store.cupola.test"):wait("30s")
    cloud:wait("1s")
    outage:mend()
    -- All have tried again after two seconds; what was said before the last was back is then said once more.
    cloud:record("time to be heard", cloud:wait_until(cupola.converged, "6s"))
    cloud:expect(#cloud.routers[1]:state().routes >= 8, "both addresses of all four")
  end,
}
