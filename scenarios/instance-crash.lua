local cupola = require "cupola"

return cupola.scenario {
  title = "One instance of three crashes: it is running and routed again, and no more is lost than what it was working on",
  cloud = { routers = 2, deas = 3 },
  apps = { shop = { instances = 3, boot = cupola.lognormal("300ms", 0.4) } },
  load = { { host = "shop.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for _ = 1, 3 do
      cloud:wait(cupola.duration("1s") + cloud:draw(0, cupola.duration("2s")))
      local victim = cloud:pick(cloud:instances("shop"))
      victim:kill()
      cloud:wait_until(function()
        return cloud:serving("shop") < 3, "the crash was not noticed"
      end, "10s")
      cloud:record("time to recovery", cloud:wait_until(cupola.converged, "10s"))
    end
    cloud:stop_load("shop.cupola.test")
    cloud:wait("2s")
    local requests = cloud:requests("shop.cupola.test")
    -- The instance may die while it works on a request: those in flight are lost with it, and none after them.
    cloud:expect(requests.failed <= 6, ("at most 6 failed requests, not %d"):format(requests.failed))
    cloud:count("requests failed", requests.failed)
  end,
}
