local cupola = require "cupola"

return cupola.scenario {
  title = "The bus and all agents are away for ten minutes: every request is served, and none by another app",
  row = "R2",
  weakness = "while the bus is away routes are kept, but refreshed as if they had been heard of; after 300 s the router ends itself",
  tripped_by = { mutation = "ROUTER_PRUNES_WITHOUT_BUS" },
  cloud = { deas = 3, routers = 2, restart_delay = "600s" },
  apps = { shop = { instances = 3 }, blog = { instances = 3 } },
  load = { { host = "shop.cupola.test", rate = 2, from = "10s" }, { host = "blog.cupola.test", rate = 2, from = "10s" } },
  always = { cupola.never_misrouted, cupola.no_failed_request, cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "10s")
    cloud:wait "10s"
    cloud.bus[1]:kill()
    for _, dea in ipairs(cloud.deas) do -- Else routers would ask them, and know that their routes hold.
      dea:kill()
    end
    cloud:wait "10m"
    cloud:wait_until(cupola.converged, "60s")
  end,
}
