local cupola = require "cupola"

return cupola.scenario {
  title = "A host is cut off: the singleton there stops by itself before its replacement starts elsewhere, so that never two run",
  cloud = { deas = 4, routers = 2, health_managers = 2 },
  apps = { lone = { instances = 1, singleton = true }, shop = { instances = 4 } },
  load = { { host = "lone.cupola.test", rate = 10 } },
  always = {
    cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.check("never two singletons", function(cloud)
      local count = #cloud:instances("lone")
      return count <= 1, ("%d processes of it run"):format(count)
    end),
  },
  tripped_by = { mutation = "DEA_KEEPS_SINGLETONS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("3s")
    local victim
    for _, dea in ipairs(cloud.deas) do
      if cloud:instances("lone")[1].dea == dea.name then
        victim = dea
      end
    end
    local partition = victim.host:partition()
    cloud:record("time until it has stopped", cloud:wait_until(function()
      return #cloud:instances("lone") == 0, "it runs on without a lease"
    end, "12s"))
    cloud:record("time until its replacement serves", cloud:wait_until(function()
      return cloud:serving("lone") == 1, "nothing has taken its place"
    end, "30s"))
    cloud:wait("10s")
    partition:mend()
    cloud:record("time to agreement after the heal", cloud:wait_until(cupola.converged, "60s"))
    cloud:wait("40s")
    cloud:wait_until(cupola.converged, "1s")
  end,
}
