local cupola = require "cupola"

return cupola.scenario {
  title = "Health managers stand still for half a second while they look at hosts whose agents do: who has answered meanwhile is not lost",
  tripped_by = { mutation = "HM_TRUSTS_ITS_SLEEP" },
  cloud = { health_managers = 2, deas = 12 },
  apps = { shop = { instances = 12 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local started = cloud:started()
    cloud:fault("latency", { target = "dea", peer = "health_manager", delay = "60ms" })
    for _ = 1, 4 do
      cloud:fault("pause", { target = "dea", duration = "2s" })
      cloud:wait(("%dms"):format(cloud:draw(750, 1000, "a look is under way")))
      cloud:fault("pause", { target = "health_manager", duration = ("%dms"):format(cloud:draw(420, 650, "how long")) })
      cloud:wait("5s")
    end
    cloud:expect(cloud:started() == started, "nothing is started anew")
    for _, manager in ipairs(cloud.health_managers) do
      cloud:expect(manager:state().hosts_ever_lost == 0, "no host was taken for lost")
    end
  end,
}
