local cupola = require "cupola"

return cupola.scenario {
  title = "A host is lost for good while its apps are made smaller: requests do not notice, and no router remembers it for ever",
  cloud = { routers = 2, deas = 4 },
  apps = { shop = { instances = 8 }, blog = { instances = 4 } },
  load = { { host = "shop.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:pick(cloud.deas).host:power_off()
    -- Nobody is left who could take the routes of these back, nor will newer instances take their place.
    local shop, blog = cloud:scale("shop", 2), cloud:scale("blog", 1)
    shop:wait("60s")
    blog:wait("60s")
    cloud:record("time until nothing is left of it", cloud:wait_until(cupola.converged, "180s"))
    cloud:stop_load("shop.cupola.test")
    cloud:wait("12s")
    local requests = cloud:requests("shop.cupola.test")
    cloud:count("requests failed", requests.failed)
    cloud:expect(requests.failed * 100 <= requests.sent, ("at most one request in 100 fails, not %d of %d"):format(
      requests.failed, requests.sent))
  end,
}
