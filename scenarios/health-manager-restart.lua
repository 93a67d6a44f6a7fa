local cupola = require "cupola"

return cupola.scenario {
  title = "The health manager is down while an instance crashes: it finds the hole after its return, and starts nothing twice",
  cloud = { deas = 3, dea_config = { standing_order_ms = 0 } }, -- Else the DEA would heal it meanwhile.
  apps = { shop = { instances = 4 }, blog = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local outage = cloud.health_managers[1]:keep_down()
    cloud:wait("1s")
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("10s")
    cloud:expect(cloud:serving("shop") == 3, "nobody but the health manager can notice")
    outage:mend()
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "60s"))
    -- A second crash right after: the new health manager has the whole picture by now.
    cloud:pick(cloud:instances("blog")):kill()
    cloud:wait_until(function()
      return cloud:serving("blog") < 2, "the crash was not noticed"
    end, "10s")
    cloud:wait_until(cupola.converged, "20s")
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "1s")
  end,
}
