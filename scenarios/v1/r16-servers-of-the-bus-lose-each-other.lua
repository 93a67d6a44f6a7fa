local cupola = require "cupola"

-- Nobody's connection ends: each component's own server lives, and only what the servers tell each other is lost. Then
-- they find each other again, and the routers learn within a second what they have missed.
return cupola.scenario {
  title = "Two of three bus servers cannot reach each other for half a minute: what routers missed they know a moment after",
  row = "R16",
  weakness = "what was said while the bus was cut never comes: routes lack or are stale until the next register storm",
  tripped_by = { mutation = "ROUTER_MISSES_GAPS" },
  cloud = { deas = 6, routers = 3, controllers = 2, health_managers = 2, bus_servers = 3 },
  apps = { shop = { instances = 12 } },
  always = { cupola.never_misrouted, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "30s")
    cloud:wait "5s"
    local cut = cloud:fault("partition", { target = cloud.bus[1].host, peer = cloud.bus[2].host })
    cloud:wait "20s"
    for _, instance in ipairs(cloud:instances "shop") do
      if cloud:draw(1, 3) == 1 then
        instance:kill()
      end
    end
    cloud:wait "20s"
    cut:mend()
    cloud:wait_until(function()
      return cloud.bus[1]:state().routes == 2 and cloud.bus[2]:state().routes == 2
    end, "30s")
    cloud:record("time until every instance that runs is routed", cloud:wait_until(function()
      return cloud:serving "shop" == #cloud:instances "shop"
    end, "3s"))
    cloud:wait_until(cupola.converged, "60s")
  end,
}
