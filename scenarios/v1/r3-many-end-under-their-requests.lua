local cupola = require "cupola"

-- Answers take a tenth of a second and more, so requests are always under way where something ends: instances are killed
-- one by one within a moment, others are stopped without a word to the routers, and a host dies in silence. One healthy
-- instance at least lives at any time.
return cupola.scenario {
  title = "Slow instances end under their requests, many within a moment: all requests are answered",
  row = "R3",
  weakness = "what was under way on a backend that ends is a 404 or a 502 for the client",
  tripped_by = { setting = { router_config = { replay_crashed = false } } },
  cloud = { deas = 4, routers = 2, dea_config = { drain_ms = 0 } },
  apps = { shop = { instances = 12, response = cupola.lognormal("100ms", 0.5) } },
  load = { { host = "shop.cupola.test", rate = 100, from = "15s", timeout = "20s" } },
  always = { cupola.never_misrouted, cupola.no_failed_request, cupola.no_lost_app },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    cloud:wait "20s"
    local instances = cloud:instances "shop"
    local survivor = cloud:draw(1, #instances)
    for i, instance in ipairs(instances) do
      if i ~= survivor then
        instance:kill()
        cloud:wait(cloud:draw(0, 40) .. "ms")
      end
    end
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait "5s"

    local loss = cloud:fault("message_loss", { target = "router", subject = "router.unregister", amount = 300000 })
    cloud:scale("shop", 2)
    cloud:wait "10s"
    cloud:scale("shop", 12)
    cloud:wait "10s"
    loss:mend()
    cloud:wait_until(cupola.converged, "60s")

    local dea = cloud:pick(cloud.deas)
    dea.host:power_off()
    cloud:wait "20s"
    cloud:expect(cloud:requests("shop.cupola.test").sent > 5000, "requests were sent")
  end,
}
