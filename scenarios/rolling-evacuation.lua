local cupola = require "cupola"

return cupola.scenario {
  title = "Every DEA is evacuated and restarted in turn: instances move, no request fails",
  cloud = { routers = 2, deas = 4 },
  apps = { shop = { instances = 8 }, blog = { instances = 3 } },
  load = { { host = "shop.cupola.test", rate = 100 }, { host = "blog.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.memory_within_limits, cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for _, dea in ipairs(cloud.deas) do
      dea:evacuate()
      cloud:wait_until(function()
        return not dea:is_running(), dea.name .. " still evacuates"
      end, "120s")
      dea:start()
      cloud:record("time to move one DEA", cloud:wait_until(cupola.converged, "90s"))
    end
  end,
}
