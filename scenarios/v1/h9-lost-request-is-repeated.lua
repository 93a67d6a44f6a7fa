local cupola = require "cupola"

return cupola.scenario {
  row = "H9",
  weakness = "the controllers' queue hands a request to one controller once: if that one dies, the request is gone for 20 seconds",
  title = "The controller that got the complaint is stopped before it can act: the start is asked for again, and ordered once",
  cloud = { deas = 3, controllers = 2, health_managers = 2, restart_delay = "60s" },
  apps = { shop = { instances = 4, boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { setting = { health_manager_config = { start_seen_ms = 60000, restart_timeout_ms = 60000 } } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("8s")
    local started = cloud:started()
    -- Both hear of nothing, then one dies with what it was told, and the other one goes on.
    local first, second = cloud.controllers[1], cloud.controllers[2]
    local pause = first:pause()
    local other = second:pause()
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("200ms")
    first:kill()
    second:kill()
    cloud.controllers[1]:start()
    cloud:record("time to recovery", cloud:wait_until(cupola.app_converged "shop", "8s"))
    cloud:expect(cloud:started() == started + 1, "it was started once")
  end,
}
