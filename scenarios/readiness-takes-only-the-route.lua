local cupola = require "cupola"

return cupola.scenario {
  title = "An instance falls ill and its readiness check notices: it gets no requests until it is well, and is not restarted",
  cloud = { deas = 3, routers = 2 },
  apps = {
    shop = {
      instances = 3,
      health = {
        startup = { type = "http", path = "/up" },
        readiness = { type = "http", path = "/ready", interval = "500ms", timeout = "300ms", failures = 2 },
      },
    },
  },
  load = { { host = "shop.cupola.test", rate = 20, timeout = "2s" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "DEA_RESTARTS_THE_UNREADY" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local started = cloud:started()
    for _ = 1, 3 do
      local kind = cloud:pick { "sick_instance", "hang_instance" }
      local illness = cloud:fault(kind, { target = "shop/" .. cloud:draw(0, 2) })
      cloud:record("time until it gets no more requests", cloud:wait_until(function(at)
        return at:serving "shop" == 2, "it is still routed"
      end, "5s"))
      cloud:wait "3s" -- Requests that met it before have ended.
      local before = cloud:requests "shop.cupola.test"
      cloud:wait(("%dms"):format(cloud:draw(1000, 10000)))
      local after = cloud:requests "shop.cupola.test"
      cloud:expect(after.ok > before.ok, "the others answer")
      cloud:expect(after.failed == before.failed, "a request met the one that is ill")
      illness:mend()
      cloud:record("time until it gets requests again", cloud:wait_until(function(at)
        return at:serving "shop" == 3, "it is not routed again"
      end, "5s"))
      cloud:expect(cloud:started() == started, "nothing was restarted")
    end
    cloud:wait_until(cupola.converged, "10s")
  end,
}
