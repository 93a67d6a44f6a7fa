local cupola = require "cupola"

return cupola.scenario {
  title = "A DEA of 2011 is cut off, replaced and heals: its instances bear no epochs, so routers lead to them beside their replacements until they are stopped",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 4, old_deas = 4 },
  apps = { shop = { instances = 8 } },
  load = { { host = "shop.cupola.test", rate = 10 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_STOPS_NOTHING" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local victim = cloud:pick(cloud.deas)
    local partition = victim.host:partition()
    cloud:wait("60s") -- Its heartbeats are missed for half a minute before it is believed dead.
    cloud:expect(#cloud:instances("shop") > 8, "those that were cut off are replaced")
    partition:mend()
    cloud:wait("90s")
    cloud:record("time to agreement after the heal", cloud:wait_until(cupola.converged, "90s"))
  end,
}
