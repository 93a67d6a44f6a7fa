local cupola = require "cupola"

return cupola.scenario {
  title = "An app whose only instance has crashed is unavailable for a moment, never unknown",
  row = "R5",
  weakness = "a known app without instances is answered with 404, which caches and crawlers believe",
  tripped_by = { mutation = "ROUTER_FORGETS_EMPTY_APPS" },
  cloud = { deas = 2, routers = 2 },
  apps = { shop = { instances = 1, boot = "2s" } },
  load = { { host = "shop.cupola.test", rate = 50, from = "10s" } },
  always = { cupola.never_misrouted },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "10s")
    cloud:wait "11s"
    for _ = 1, 3 do
      cloud:pick(cloud:instances "shop"):kill()
      cloud:wait "1s"
      cloud:wait_until(cupola.app_converged "shop", "60s")
    end
    local requests = cloud:requests "shop.cupola.test"
    cloud:expect(requests.failed > 10, "some found nobody")
    for _, router in ipairs(cloud.routers) do
      cloud:expect(router:state().bad_requests == 0, "none was answered with 404")
    end
  end,
}
