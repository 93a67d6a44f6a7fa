local cupola = require "cupola"

return cupola.scenario {
  row = "H7",
  weakness = "a start is asked for again every 20 seconds while the app still boots: the storm grows with the load",
  title = "An app takes 50 seconds to come up, and its crashed instances are asked for once each",
  cloud = { deas = 4, controllers = 2, health_managers = 2 },
  apps = { slow = { instances = 4, boot = "100ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_ASKS_IN_FLIGHT" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("8s")
    local started = cloud:started()
    cloud:fault("app_slow_boot", { target = "slow", delay = "50s" })
    for _, instance in ipairs(cloud:instances("slow")) do
      instance:kill()
    end
    cloud:wait("45s")
    cloud:expect(cloud:started() == started + 4, "each was started once")
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "30s"))
    cloud:expect(cloud:started() == started + 4, "each was started once")
  end,
}
