local cupola = require "cupola"

return cupola.scenario {
  title = "An app crashes again and again: it is taken for flapping, does not disturb its neighbour, and heals when its fault is over",
  cloud = { deas = 2, health_manager_config = { flapping_delay_ms = 5000, flapping_delay_most_ms = 20000 } },
  apps = {
    broken = { instances = 1, boot = "200ms" },
    healthy = { instances = 2, boot = "200ms" },
  },
  load = { { host = "healthy.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local fault = cloud:fault("app_crashes", { target = "broken", delay = "700ms" })
    cloud:instances("broken")[1]:kill()
    cloud:record("time until flapping", cloud:wait_until(cupola.app_is_flapping "broken", "60s"))
    cloud:wait("30s")
    cloud:expect(cloud:holds(cupola.app_converged "healthy"), "the healthy app is untouched")
    fault:mend()
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "60s"))
  end,
}
