local cupola = require "cupola"

return cupola.scenario {
  title = "A host loses power under load: 99 of 100 requests are still answered within a second",
  row = "R6",
  weakness = "there is no time limit for connecting: one request in n hangs for 60 s",
  tripped_by = { setting = { router_config = { connect_timeout_ms = 60000 } } },
  cloud = { deas = 4, routers = 2 },
  apps = { shop = { instances = 8 } },
  load = { { host = "shop.cupola.test", rate = 100, from = "15s", timeout = "30s" } },
  always = { cupola.never_misrouted, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "15s")
    cloud:wait "20s"
    cloud:pick(cloud.deas).host:power_off()
    cloud:wait "20s"
    cloud:stop_load "shop.cupola.test"
    cloud:wait "35s"
    local requests = cloud:requests "shop.cupola.test"
    cloud:record("p99", requests.p99)
    cloud:expect(requests.p99 < 1000000000, ("p99 is %.3f s"):format(requests.p99 / 1e9))
    cloud:expect(requests.failed * 100 <= requests.sent, ("%d of %d failed"):format(requests.failed, requests.sent))
  end,
}
