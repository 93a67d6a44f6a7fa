local cupola = require "cupola"

return cupola.scenario {
  row = "H1",
  weakness = "one health manager with everything in its memory: while it is down nothing heals, and a flapping app gets four new lives",
  title = "Health managers die one after another while an app flaps: another one speaks within a second, and the crashes are not forgotten, not even when all were gone",
  cloud = { deas = 3, health_managers = 2, restart_delay = "2s",
    health_manager_config = { flapping_delay_ms = 40000, flapping_delay_most_ms = 40000 } },
  apps = { broken = { instances = 1, boot = "200ms" }, healthy = { instances = 3, boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_FORGETS_CRASHES" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("3s")
    cloud:fault("app_crashes", { target = "broken", delay = "700ms" })
    cloud:instances("broken")[1]:kill()
    cloud:wait_until(cupola.app_is_flapping "broken", "30s")
    cloud:wait("3s") -- What is counted is also saved by now.
    local started = cloud:started()
    if cloud:draw(0, 1, "all at once") == 1 then
      cloud.health_managers[1]:kill()
      cloud.health_managers[2]:kill()
    else
      cloud.health_managers[1]:kill()
      cloud:wait("5s")
      cloud.health_managers[2]:kill()
    end
    cloud:wait("6s")
    cloud:expect(cloud:started() == started, "nobody has forgotten how often it crashed")
    cloud:wait_until(cupola.app_is_flapping "broken", "1s")
    cloud:instances("healthy")[1]:kill()
    cloud:wait("100ms")
    cloud:record("time to recovery", cloud:wait_until(cupola.app_converged "healthy", "5s"))
    cloud:expect(cloud:started() == started + 1, "only the healthy one was started")
  end,
}
