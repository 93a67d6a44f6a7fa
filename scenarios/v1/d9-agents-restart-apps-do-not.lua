local cupola = require "cupola"

return cupola.scenario {
  title = "Every DEA's agent is stopped, upgraded and started in turn: no instance restarts, no request fails",
  row = "D9",
  weakness = "an agent that is told to end kills all its apps",
  tripped_by = { mutation = "DEA_TAKES_APPS_ALONG" },
  cloud = { routers = 2, deas = 3 },
  apps = { shop = { instances = 6 }, blog = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 50 }, { host = "blog.cupola.test", rate = 10 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local started = cloud:started()
    for _, dea in ipairs(cloud.deas) do
      dea:stop()
      cloud:wait_until(function()
        return not dea:is_running(), "the agent still ends"
      end, "10s")
      cloud:wait(("%dms"):format(cloud:draw(50, 5000)))
      dea:start()
      cloud:record("time to agreement", cloud:wait_until(cupola.converged, "30s"))
    end
    cloud:expect(cloud:started() == started, "nothing was started anew")
  end,
}
