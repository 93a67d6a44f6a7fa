local cupola = require "cupola"

return cupola.scenario {
  title = "The cloud controller dies in the middle of a scale-up: what was acknowledged is carried out after its return",
  cloud = { deas = 4, restart_delay = "3s" },
  apps = { shop = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local scale = cloud:scale("shop", 12)
    cloud:wait(cloud:draw(0, cupola.duration("300ms"), "scenario.moment"))
    local began = cloud:now()
    cloud.controllers[1]:kill()
    -- The operator's client tries again by itself; whatever it was told, the cloud must agree with it.
    scale:wait("60s")
    cloud:wait_until(cupola.converged, "90s")
    cloud:record("time to recovery", cloud:now() - began)
    cloud:expect(#cloud:instances("shop") == 12, "twelve instances run")
  end,
}
