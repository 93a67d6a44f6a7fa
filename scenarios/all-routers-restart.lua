local cupola = require "cupola"

return cupola.scenario {
  title = "Every router is restarted at once: all routes are back without waiting for a heartbeat",
  cloud = { routers = 3, deas = 3, restart_delay = "1s" },
  apps = { shop = { instances = 4 }, blog = { instances = 3 } },
  load = { { host = "shop.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local began = cloud:now()
    for _, router in ipairs(cloud.routers) do
      router:kill()
    end
    cloud:wait_until(cupola.all_up, "5s")
    cloud:wait_until(cupola.converged, "5s")
    cloud:record("time to recovery", cloud:now() - began)
    local before = cloud:requests("shop.cupola.test")
    cloud:wait("10s")
    local after = cloud:requests("shop.cupola.test")
    cloud:expect(after.ok - before.ok >= 400, "requests are answered again")
  end,
}
