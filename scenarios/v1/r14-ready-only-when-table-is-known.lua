local cupola = require "cupola"

return cupola.scenario {
  title = "Routers are restarted under load: no request is told that its app is unknown",
  row = "R14",
  weakness = "a new router serves before its table is filled: a storm of 404 after each restart",
  tripped_by = { mutation = "ROUTER_SERVES_AT_ONCE" },
  cloud = { deas = 3, routers = 2, restart_delay = "100ms" },
  apps = { shop = { instances = 4 }, blog = { instances = 4 } },
  load = { { host = "shop.cupola.test", rate = 300, from = "10s" }, { host = "blog.cupola.test", rate = 300, from = "10s" } },
  always = { cupola.never_misrouted },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "10s")
    cloud:wait "11s"
    for _ = 1, 5 do
      cloud:pick(cloud.routers):kill()
      cloud:wait "3s"
      for _, router in ipairs(cloud.routers) do
        local bad = router:state().bad_requests
        cloud:expect(bad == 0, ("%d requests were answered with 404"):format(bad))
      end
    end
  end,
}
