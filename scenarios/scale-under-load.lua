local cupola = require "cupola"

return cupola.scenario {
  title = "An app is scaled up and down under load: no request fails, the numbers are right each time, nothing is started twice",
  cloud = { routers = 2, deas = 4 },
  apps = { shop = { instances = 2, boot = cupola.uniform("100ms", "800ms"), response = cupola.exponential("1ms", "5ms") } },
  load = { { host = "shop.cupola.test", rate = 200 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local before, ordered = 2, 2
    for _, instances in ipairs { 8, 3, 12, 1, 5 } do
      local began = cloud:now()
      cloud:scale("shop", instances):wait("60s")
      cloud:wait_until(cupola.converged, "60s")
      cloud:record(("time from %d to %d instances"):format(before, instances), cloud:now() - began)
      ordered = ordered + math.max(0, instances - before)
      before = instances
      cloud:wait("3s")
    end
    cloud:expect(cloud:started() == ordered, ("%d processes started, not %d"):format(ordered, cloud:started()))
  end,
}
