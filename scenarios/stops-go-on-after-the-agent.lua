local cupola = require "cupola"

-- Found by `cupola sim explore`: apps that do not heed the request to stop are ended ten seconds later, by a DEA that may have
-- been killed and started again meanwhile.
return cupola.scenario {
  title = "A DEA is killed while it stops what does not heed: the next one ends it, nothing runs on unknown",
  tripped_by = { mutation = "DEA_FORGETS_WHAT_WAS_ENDING" },
  cloud = { deas = 2, restart_delay = "200ms" },
  apps = { shop = { instances = 6 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:fault("app_ignores_term", { target = "shop" })
    cloud:scale("shop", 2):wait("60s")
    cloud:wait(cloud:draw(0, cupola.duration("3s"), "pause"))
    for _, dea in ipairs(cloud.deas) do
      dea:kill()
    end
    cloud:record("time until nothing else runs", cloud:wait_until(cupola.nothing_else_runs, "90s"))
    cloud:wait_until(cupola.converged, "60s")
  end,
}
