local cupola = require "cupola"

return cupola.scenario {
  title = "The message bus is down for half a minute: apps and routes do not notice, a crash meanwhile is healed afterwards",
  cloud = { routers = 2, deas = 3, health_managers = 2 },
  apps = { shop = { instances = 4 }, blog = { instances = 2 } },
  load = { { host = "blog.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local outage = cloud.bus[1]:keep_down()
    cloud:wait("5s")
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("25s")
    outage:mend()
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "60s"))
    -- Two health managers saw it, so did every component that came back: still one instance of each index.
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "1s")
  end,
}
