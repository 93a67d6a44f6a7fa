local cupola = require "cupola"

return cupola.scenario {
  row = "H2",
  weakness = "each pass blocks the reactor for a query an app: heartbeats wait, everything looks lost, and all of it is started again",
  title = "The health manager stands still for longer than silence is tolerated: when it runs again it hears first, and starts nothing",
  cloud = { deas = 4, dea_config = { heartbeat_ms = 1000 },
    health_manager_config = { droplet_lost_ms = 4000 } },
  apps = { shop = { instances = 8 }, blog = { instances = 3 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_TRUSTS_ITS_SLEEP" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("15s")
    local started = cloud:started()
    for _, manager in ipairs(cloud.health_managers) do
      manager:pause(("%ds"):format(cloud:draw(5, 9)))
    end
    cloud:wait("25s")
    cloud:expect(cloud:started() == started, "nothing was started")
    for _, manager in ipairs(cloud.health_managers) do
      cloud:expect(manager:state().start_requests == 0, "nothing was asked for")
      cloud:expect(manager:state().hosts_ever_lost == 0, "no host was taken for dead")
    end
    cloud:instances("blog")[1]:kill()
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "5s"))
  end,
}
