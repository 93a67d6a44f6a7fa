local cupola = require "cupola"

return cupola.scenario {
  title = "A host dies while the only health manager is away: it remembers the host, and heals seconds after its return",
  cloud = { deas = 4 },
  apps = { shop = { instances = 8 } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_FORGETS_HOSTS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("3s")
    local outage = cloud.health_managers[1]:keep_down()
    cloud:wait("1s")
    local host = cloud:pick(cloud.deas).host
    host:power_off()
    cloud:wait("5s")
    outage:mend()
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "10s"))
    host:power_on()
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "1s")
  end,
}
