local cupola = require "cupola"

return cupola.scenario {
  title = "A request that ends whatever instance it is sent to ends two of eight, and no other request fails for long",
  row = "R3",
  weakness = "none of 2011: routers that repeat requests can spread one that kills",
  tripped_by = { mutation = "ROUTER_REPLAYS_CRASHES" },
  cloud = { deas = 4, routers = 2 },
  apps = { shop = { instances = 8, response = cupola.lognormal("50ms", 0.5) } },
  load = { { host = "shop.cupola.test", rate = 50, from = "15s" } },
  always = { cupola.never_misrouted, cupola.no_lost_app },

  run = function(cloud)
    for _ = 1, 4 do
      cloud:wait_until(cupola.converged, "60s")
      cloud:wait "2s"
      local before = cloud:started()
      local client = cloud:raw_client {
        bytes = "GET /crash HTTP/1.1\r\nHost: shop.cupola.test\r\nConnection: close\r\n\r\n",
      }
      cloud:wait_until(function() return not client:is_open() end, "10s")
      cloud:expect(client:received():find "^HTTP/1.1 502", "the client is told: " .. client:received())
      cloud:wait "3s"
      cloud:wait_until(cupola.converged, "60s")
      local ended = cloud:started() - before
      cloud:count("instances that one request ended", ended)
      cloud:expect(ended >= 1 and ended <= 2, ("one request ended %d instances"):format(ended))
    end
  end,
}
