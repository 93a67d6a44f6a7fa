local cupola = require "cupola"

return cupola.scenario {
  title = "One router of two is restarted: requests go through the other one, and the new table is complete",
  cloud = { routers = 2, deas = 3, restart_delay = "1s" },
  apps = { shop = { instances = 4 }, blog = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local victim = cloud:pick(cloud.routers)
    local began = cloud:now()
    victim:kill()
    cloud:wait_until(cupola.all_up, "5s")
    cloud:wait_until(cupola.converged, "20s")
    cloud:record("time to recovery", cloud:now() - began)
    cloud:wait("5s")
    cloud:stop_load("shop.cupola.test")
    cloud:wait("1s")
    local requests = cloud:requests("shop.cupola.test")
    cloud:count("requests failed", requests.failed)
    cloud:expect(requests.failed * 50 <= requests.sent, ("at most one request in 50 fails, not %d of %d"):format(
      requests.failed, requests.sent))
  end,
}
