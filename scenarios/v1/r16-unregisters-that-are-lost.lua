local cupola = require "cupola"

-- Without an unregister an instance ends while requests still come: one that it takes with it goes to another.
return cupola.scenario {
  title = "Ten of a hundred unregisters never reach a router while apps grow, shrink and move: no request fails",
  row = "R16",
  weakness = "a lost unregister leaves a stale endpoint for two minutes: requests go to whoever has the port next",
  tripped_by = { setting = { router_config = { replay_crashed = false } } },
  cloud = { deas = 4, routers = 2 },
  apps = { shop = { instances = 12 }, blog = { instances = 4 } },
  load = {
    { host = "shop.cupola.test", rate = 50, from = "15s", timeout = "20s" },
    { host = "blog.cupola.test", rate = 20, from = "15s", timeout = "20s" },
  },
  always = { cupola.never_misrouted, cupola.no_failed_request, cupola.no_lost_app },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "30s")
    cloud:wait "15s"
    local loss = cloud:fault("message_loss", { target = "router", subject = "router.unregister", amount = 100000 })
    for _, instances in ipairs { 3, 12, 2, 8 } do
      cloud:scale("shop", instances)
      cloud:wait "12s"
    end
    cloud:pick(cloud.deas):evacuate()
    cloud:wait "40s"
    loss:mend()
    cloud:wait_until(cupola.converged, "150s")
  end,
}
