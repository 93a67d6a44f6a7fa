local cupola = require "cupola"

return cupola.scenario {
  title = "Health managers lose the lines to hosts and have no descriptor for new ones: whom they cannot ask is not lost",
  tripped_by = { mutation = "HM_TAKES_ITS_WANT_FOR_SILENCE" },
  cloud = { controllers = 2, health_managers = 2, deas = 4 },
  apps = { shop = { instances = 6 }, blog = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local started = cloud:started()
    local want = cloud:fault("few_descriptors", { target = "health_manager", amount = cloud:draw(2, 3) })
    cloud:fault("reset", { target = "health_manager", peer = "dea" })
    cloud:wait(("%dms"):format(cloud:draw(2000, 20000)))
    want:mend()
    cloud:wait("5s")
    cloud:expect(cloud:started() == started, "nothing is started anew")
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "20s"))
  end,
}
