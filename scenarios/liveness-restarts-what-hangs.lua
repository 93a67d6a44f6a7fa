local cupola = require "cupola"

return cupola.scenario {
  title = "An instance hangs and its liveness check notices: it is ended, and another takes its place; its neighbours stay",
  cloud = { deas = 3, routers = 2 },
  apps = {
    shop = {
      instances = 3,
      health = { liveness = { type = "http", path = "/alive", interval = "1s", timeout = "500ms", failures = 2 } },
    },
  },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "DEA_FORGETS_LIVENESS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 2 do
      local started = cloud:started()
      local index = cloud:draw(0, 2)
      cloud:fault("hang_instance", { target = "shop/" .. index })
      cloud:record("time until another is started", cloud:wait_until(function(at)
        return at:started() > started, "it hangs on"
      end, "10s"))
      cloud:record("time until all serve", cloud:wait_until(cupola.converged, "20s"))
      cloud:expect(cloud:started() == started + 1, ("%d were started in round %d"):format(cloud:started() - started, round))
      cloud:wait "20s"
    end
  end,
}
