local cupola = require "cupola"

-- The requests come when the instances are gone: of those that are under way when an instance ends one may be lost with it.
return cupola.scenario {
  title = "Ten of twelve instances were stopped while the routers were cut off from the bus: no request fails, the tables are right again at once",
  row = "R16",
  weakness = "a lost unregister leaves a stale endpoint; three of them in a row are a 502 although healthy ones exist",
  tripped_by = { mutation = "ROUTER_NEVER_RETRIES" },
  cloud = { deas = 3, routers = 2 },
  apps = { shop = { instances = 12 } },
  load = { { host = "shop.cupola.test", rate = 50, from = "27s", timeout = "20s" } },
  always = { cupola.never_misrouted, cupola.no_failed_request, cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    cloud:wait "20s"
    local cuts = {}
    for _, router in ipairs(cloud.routers) do
      cuts[#cuts + 1] = cloud:fault("partition", { target = router.host, peer = cloud.bus[1].host })
    end
    cloud:wait "1s"
    cloud:scale("shop", 2)
    cloud:wait "15s"
    for _, cut in ipairs(cuts) do
      cut:mend()
    end
    cloud:record("time until the tables are right", cloud:wait_until(cupola.converged, "20s"))
  end,
}
