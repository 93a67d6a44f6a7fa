-- Row 5 under the full fault menu.
local cupola = require "cupola"

return cupola.scenario {
  title = "Storms of drawn faults, clocks minutes apart, while an app is scaled: no order ever becomes two routable instances",
  cloud = { zones = 2, bus_servers = 2, routers = 2, controllers = 2, health_managers = 2, deas = 6,
    clock_offset_most = "10m", restart_delay = "200ms", check_interval = "50ms" },
  apps = { shop = { instances = 8 }, lone = { instances = 1, singleton = true } },
  load = { { host = "shop.cupola.test", rate = 5 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "DEA_STARTS_TWICE" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for _ = 1, 3 do
      cloud:scale("shop", cloud:draw(4, 12))
      cloud:storm(("%dms"):format(cloud:draw(5000, 25000)))
    end
    cloud:mend_everything()
    cloud:wait_until(cupola.operators_idle, "600s")
    cloud:wait_until(cupola.all_up, "60s")
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "600s"))
  end,
}
