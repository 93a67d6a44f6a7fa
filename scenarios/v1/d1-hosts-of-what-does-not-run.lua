local cupola = require "cupola"

return cupola.scenario {
  title = "A host is mapped while an instance starts slowly: it is registered when it runs, not before",
  row = "D1",
  weakness = "an update of URIs registers every instance of the app, also those that crashed or have no port yet",
  tripped_by = { mutation = "DEA_MAPS_WHAT_STARTS" },
  cloud = { deas = 3 },
  apps = { shop = { instances = 2, boot = "3s" } },
  load = { { host = "shop.cupola.test", rate = 20, from = "10s" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.check("only what runs is registered", function(cloud)
      for _, dea in ipairs(cloud.deas) do
        for _, instance in ipairs(dea:is_running() and dea:state().instances or {}) do
          if instance.registered and instance.phase ~= "RUNNING" then
            return false, ("%s has registered an instance that is %s"):format(dea.name, instance.phase)
          end
        end
      end
      return true
    end) },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 3 do
      cloud:pick(cloud:instances("shop")):kill()
      cloud:wait(("%dms"):format(cloud:draw(200, 2500)))
      cloud:map("shop", ("shop-%d.cupola.test"):format(round)):wait("30s")
      cloud:wait_until(cupola.converged, "30s")
    end
  end,
}
