local cupola = require "cupola"

return cupola.scenario {
  title = "A host that runs a DEA loses power: every lost instance is running and routed again elsewhere",
  -- Heartbeats as `cupola up` sets them.
  cloud = { zones = 2, routers = 2, deas = 8, dea_memory = "4G",
    dea_config = { heartbeat_ms = 2000 }, health_manager_config = { droplet_lost_ms = 8000 } },
  apps = { shop = { instances = 20, memory = "64M", boot = cupola.lognormal("300ms", 0.5) } },
  load = { { host = "shop.cupola.test", rate = 200 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local victim = cloud:pick(cloud.deas)
    victim.host:power_off()
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "60s"))
    victim.host:power_on()
    cloud:wait_until(cupola.all_up, "60s")
    cloud:record("time to agreement after the return", cloud:wait_until(cupola.converged, "60s"))
  end,
}
