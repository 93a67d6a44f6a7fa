local cupola = require "cupola"

-- An instance that is being stopped runs on for a second, and no router is to lead to it: so what they have is compared.
local function tables_are_right(cloud)
  local serving = cloud:serving "shop"
  for _, router in ipairs(cloud.routers) do
    local routes = 0
    for _, route in ipairs(router:state().routes) do
      routes = routes + (route.host == "shop.cupola.test" and 1 or 0)
    end
    if routes ~= serving then
      return false
    end
  end
  return serving > 0
end

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
    local alone = cloud:wait_until(function()
      return cloud.bus[1]:state().routes == 2 and cloud.bus[2]:state().routes == 2
    end, "5s")
    local behind = cloud:wait_until(function()
      return tables_are_right(cloud)
    end, "3s")
    cloud:record("time until the servers have found each other", alone)
    cloud:record("time until all routers lead to the same instances, and these run", alone + behind)
    cloud:wait_until(cupola.converged, "60s")
  end,
}
