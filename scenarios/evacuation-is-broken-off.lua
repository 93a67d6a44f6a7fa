local cupola = require "cupola"

return cupola.scenario {
  title = "Agents are restarted in the midst of their evacuation: what serves on beside its replacement is stopped",
  cloud = { zones = 2, routers = 2, health_managers = 2, deas = 4, old_deas = 1 },
  apps = { shop = { instances = 8, memory = "256M" } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for _, dea in ipairs { "dea-0", "dea-3" } do
      local evacuation = cloud:fault("evacuate", { target = dea })
      cloud:wait(("%dms"):format(cloud:draw(50, 1000)))
      cloud:fault("restart", { target = dea })
      evacuation:mend()
      cloud:record("time to agreement", cloud:wait_until(cupola.converged, "200s"))
    end
    cloud:wait("60s")
    cloud:expect(#cloud:instances("shop") == 8, "eight instances, and no more")
  end,
}
