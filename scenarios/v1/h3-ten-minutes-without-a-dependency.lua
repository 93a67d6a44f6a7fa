local cupola = require "cupola"

return cupola.scenario {
  row = "H3",
  weakness = "the fourth crash is the last: a database that is down for some minutes kills every app that needs it for good",
  title = "What three apps depend on is down for ten minutes and all their instances crash: only one of each is tried meanwhile, and all are back soon after",
  cloud = { deas = 4, health_managers = 2 },
  apps = { shop = { instances = 5, boot = "200ms" }, blog = { instances = 1, boot = "200ms" },
    wiki = { instances = 3, boot = "200ms" }, calm = { instances = 2, boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { setting = { health_manager_config = { flapping_delay_ms = 86400000, flapping_delay_most_ms = 86400000 } } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local faults = {}
    for i, app in ipairs { "shop", "blog", "wiki" } do
      faults[i] = cloud:fault("app_crashes", { target = app, delay = "900ms" })
      for _, instance in ipairs(cloud:instances(app)) do
        instance:kill()
      end
    end
    cloud:wait("60s")
    local started = cloud:started()
    cloud:wait("9m")
    cloud:count("starts in nine minutes", cloud:started() - started)
    cloud:expect(cloud:started() - started <= 3 * 9, "one index of each is tried, and less and less often")
    cloud:expect(cloud:holds(cupola.app_converged "calm"), "who does not need it is untouched")
    for _, fault in ipairs(faults) do
      fault:mend()
    end
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "150s"))
  end,
}
