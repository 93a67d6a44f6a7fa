local cupola = require "cupola"

-- The hosts die while nobody asks for anything, and nobody replaces what was on them: the routers still have every
-- route when the requests come.
return cupola.scenario {
  title = "All but one of the hosts are dead and the routers do not know: every request is served",
  row = "R3",
  weakness = "a backend that refuses is a 404 for the client, without a second try",
  tripped_by = { mutation = "ROUTER_NEVER_RETRIES" },
  cloud = { deas = 5, routers = 2, health_managers = 1 },
  apps = { shop = { instances = 10 } },
  load = { { host = "shop.cupola.test", rate = 40, from = "30s", until_time = "60s", timeout = "20s" } },
  always = { cupola.never_misrouted, cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    for _, health_manager in ipairs(cloud.health_managers) do
      health_manager:keep_down "10m"
    end
    local survivor = cloud:pick(cloud.deas)
    for _, dea in ipairs(cloud.deas) do
      if dea ~= survivor and #cloud:instances "shop" > 0 then
        dea.host:power_off()
      end
    end
    cloud:wait_until(function()
      return cloud:now() > 65 * 1000000000
    end, "70s")
    cloud:expect(cloud:requests("shop.cupola.test").sent > 1000, "requests were sent")
  end,
}
