local cupola = require "cupola"

return cupola.scenario {
  title = "Half of the hosts of the DEAs become slow in all they do for a minute: none is taken for dead, nothing is started twice, no request fails",
  cloud = { zones = 2, routers = 2, controllers = 2, health_managers = 2, deas = 6 },
  apps = { shop = { instances = 12 } },
  load = { { host = "shop.cupola.test", rate = 10 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local started = cloud:started()
    cloud:fault("slow_host", { target = "dea", share = "50%", delay = cupola.uniform("10ms", "60ms"), after = "2s",
      duration = "60s" })
    cloud:wait("70s")
    cloud:expect(cloud:started() == started, "nothing was started meanwhile")
    cloud:wait_until(cupola.converged, "30s")
  end,
}
