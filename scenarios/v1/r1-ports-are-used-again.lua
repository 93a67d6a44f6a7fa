local cupola = require "cupola"

-- Ports come round within a minute, instances come and go, and a router misses much of it: it is cut off from the bus for
-- half a minute at a time, while requests go on.
return cupola.scenario {
  title = "Ports are used again all the time while routers miss messages: no request reaches another app",
  row = "R1",
  weakness = "host:port is all that a route is: a port that is used again within 150 s serves another app's requests",
  tripped_by = { setting = { dea_config = { first_port = 40000, last_port = 40007, port_quarantine_ms = 0 } } },
  cloud = { deas = 2, routers = 2, dea_config = { first_port = 40000, last_port = 40099 } },
  apps = {
    shop = { instances = 2, boot = "100ms", crash_after_mean = "4s" },
    blog = { instances = 2, boot = "100ms", crash_after_mean = "4s" },
    wiki = { instances = 2, boot = "100ms", crash_after_mean = "4s" },
  },
  load = {
    { host = "shop.cupola.test", rate = 20 },
    { host = "blog.cupola.test", rate = 20 },
    { host = "wiki.cupola.test", rate = 20 },
  },
  always = { cupola.never_misrouted, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait "5s"
    for _ = 1, 3 do
      local router = cloud:pick(cloud.routers)
      local cut = cloud:fault("partition", { target = router.host, peer = cloud.bus[1].host })
      cloud:wait "30s"
      cut:mend()
      cloud:wait "5s"
    end
  end,
}
