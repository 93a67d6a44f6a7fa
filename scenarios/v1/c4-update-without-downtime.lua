local cupola = require "cupola"

return cupola.scenario {
  row = "C4",
  weakness = "an update stopped all instances and then started the new ones: an outage on every push",
  tripped_by = { mutation = "CC_UPDATES_AT_ONCE" },
  title = "A hundred instances are updated under load: no request fails, and the new version runs everywhere",
  cloud = { routers = 2, controllers = 2, deas = 10, dea_memory = "8G" },
  apps = { shop = { instances = 100, memory = "64M", boot = cupola.uniform("200ms", "2s") } },
  load = { { host = "shop.cupola.test", rate = 500 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local began, before = cloud:now(), cloud:started()
    cloud:push("shop", { instances = 100, memory = "64M", boot = cupola.uniform("300ms", "2s") }):wait("600s")
    cloud:record("time of the update", cloud:now() - began)
    cloud:wait_until(cupola.converged, "60s")
    local started = cloud:started() - before
    cloud:expect(started == 125, ("%d processes were started, not 100 and 25 that stand in"):format(started))
    cloud:expect(cloud:serving("shop") == 100, "a hundred serve")
  end,
}
