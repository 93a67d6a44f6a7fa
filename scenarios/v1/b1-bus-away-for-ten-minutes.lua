local cupola = require "cupola"

return cupola.scenario {
  row = "B1",
  weakness = "one bus server, and everybody ends who cannot reach it: the whole control plane stops",
  title = "The bus is gone for ten minutes: no app and no route is lost, and a second after its return orders are carried out",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 3 },
  apps = { shop = { instances = 4 }, blog = { instances = 2 } },
  load = { { host = "blog.cupola.test", rate = 5 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },
  tripped_by = { mutation = "BUS_CLIENT_GIVES_UP" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local started = cloud:started()
    local outage = cloud.bus[1]:keep_down()
    cloud:wait("600s")
    cloud:expect(cloud:started() == started, "nothing was started meanwhile")
    outage:mend()
    cloud:wait("4s") -- Whoever tries every two seconds has tried.
    cloud:wait_until(cupola.converged, "1s")
    cloud:scale("shop", 6)
    cloud:record("time to scale", cloud:wait_until(cupola.converged, "10s"))
  end,
}
