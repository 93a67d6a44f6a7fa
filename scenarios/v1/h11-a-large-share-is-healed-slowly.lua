local cupola = require "cupola"

return cupola.scenario {
  row = "H11",
  weakness = "whatever share of the fleet seems to vanish, all of it is started at once on what is left, and nobody is told",
  title = "Eight of ten hosts fall silent at once: beyond two fifths of the fleet what is missing is started slowly, the health managers say why, and in the end all runs",
  cloud = { deas = 10, dea_memory = "8G", controllers = 2, health_managers = 2,
    health_manager_config = { starts_per_s = 40, starts_burst = 200 } },
  apps = { shop = { instances = 80, memory = "64M", boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { setting = { health_manager_config = { starts_per_s = 40, starts_burst = 200, meltdown_percent = 100 } } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "120s")
    cloud:wait("8s")
    local started = cloud:started()
    for i = 1, 8 do
      cloud.deas[i].host:power_off()
    end
    cloud:wait("5s")
    local count = cloud:started() - started
    cloud:expect(count >= 32 and count <= 54, ("some 50 of 64 are started in the first seconds, not %d"):format(count))
    -- The one that watches may see a host's successors before it has found the host lost: it counts less.
    local spoke = false
    for _, manager in ipairs(cloud.health_managers) do
      local state = manager:state()
      local words = table.concat(state.brakes, "; ")
      spoke = spoke or state.speaks
      cloud:expect(not state.speaks or words:find("instances fell silent at once: starts are slowed down", 1, true),
        "it says why, not: " .. words)
    end
    cloud:expect(spoke, "a health manager speaks")
    cloud:wait("5s")
    cloud:record("time to recovery", 10 * cupola.duration("1s") + cloud:wait_until(function(at)
      return at:serving "shop" == 80, ("%d of 80 serve"):format(at:serving "shop")
    end, "60s"))
  end,
}
