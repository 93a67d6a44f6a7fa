local cupola = require "cupola"

return cupola.scenario {
  row = "H5",
  weakness = "no notion of freshness: after a gap in the bus it acts on whatever it has, and starts everything of which it has not heard again",
  title = "The bus is away for 45 seconds and some DEAs find it again only later: nothing is started twice",
  cloud = { deas = 4, controllers = 2, health_managers = 2, restart_delay = "45s",
    health_manager_config = { droplet_lost_ms = 20000 } },
  apps = { shop = { instances = 8 }, blog = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_ACTS_ON_STALE_NEWS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("10s")
    local started = cloud:started()
    cloud.bus[1]:kill()
    cloud:wait("30s")
    cloud:fault("partition", { target = cloud:pick(cloud.deas), peer = "bus", duration = "30s" })
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "20s")
    cloud:expect(cloud:started() == started, "nothing was started")
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("1s")
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "5s"))
  end,
}
