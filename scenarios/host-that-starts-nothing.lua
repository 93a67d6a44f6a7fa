local cupola = require "cupola"

return cupola.scenario {
  title = "One host can start no process any more and has the most memory free: others get what is to be started, at once",
  cloud = { deas = 3 },
  apps = { shop = { instances = 6 } },
  load = { { host = "shop.cupola.test", rate = 10 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },
  tripped_by = { mutation = "DEA_HAS_NO_DOUBTS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local fault = cloud:fault(cloud:draw(1, 2) == 1 and "no_forks" or "few_descriptors", { target = "dea-0" })
    cloud:scale("shop", 14)
    cloud:wait("100ms")
    cloud:record("time to scale", cloud:wait_until(cupola.app_converged "shop", "10s"))
    for _, instance in ipairs(cloud:instances("shop")) do
      if instance.dea == "dea-0" and instance.index > 0 then
        instance:kill()
        cloud:wait("1s")
        cloud:wait_until(cupola.app_converged "shop", "10s")
      end
    end
    fault:mend()
    cloud:wait_until(cupola.converged, "60s")
  end,
}
