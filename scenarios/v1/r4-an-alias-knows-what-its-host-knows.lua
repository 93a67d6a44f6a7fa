local cupola = require "cupola"

return cupola.scenario {
  title = "A dead host that one address of an app has found out is set aside for its other addresses too",
  row = "R4",
  weakness = "a failure takes the endpoint off the address that met it; every other address of the instance meets it again",
  tripped_by = { mutation = "ROUTER_SETS_NOTHING_ASIDE" },
  cloud = { deas = 4, routers = 1 },
  apps = { shop = { instances = 8 } },
  always = { cupola.never_misrouted, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    cloud:map("shop", "alias.cupola.test"):wait "10s"
    cloud:wait_until(cupola.converged, "20s")
    for _, health_manager in ipairs(cloud.health_managers) do
      health_manager:keep_down "10m"
    end
    cloud:pick(cloud.deas).host:power_off()
    cloud:add_load { host = "shop.cupola.test", rate = 50, timeout = "10s" }
    cloud:wait "3s" -- Each of its endpoints was tried once, and costs nobody anything any more.
    local aside = { ["shop.cupola.test"] = 0, ["alias.cupola.test"] = 0 }
    for _, route in ipairs(cloud.routers[1]:state().routes) do
      if route.quarantined then
        aside[route.host] = aside[route.host] + 1
      end
    end
    local shop, alias = aside["shop.cupola.test"], aside["alias.cupola.test"]
    cloud:expect(shop > 0, "the dead host was found out")
    cloud:expect(alias == shop, ("%d of %d are set aside for the alias"):format(alias, shop))
  end,
}
