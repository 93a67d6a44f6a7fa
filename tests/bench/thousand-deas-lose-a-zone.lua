local cupola = require "cupola"

local deas, instances = 1000, 10000 -- scale.py plays it in other sizes.

local apps = {}
for i = 1, instances // 1000 do
  apps["app" .. i] = { instances = 1000, memory = "64M" }
end

return cupola.scenario {
  title = "One of three zones loses power and does not come back: all instances run again, in the zones that are left",
  cloud = { zones = 3, routers = 3, controllers = 2, health_managers = 2, deas = deas, dea_memory = "4G",
    check_interval = ("%dms"):format(deas), -- A look at all costs as much as there is to see.
    controller_config = { max_apps = 1000, max_memory_mb = 100000000, max_instances = 1024 } },
  apps = apps,
  always = { cupola.never_misrouted, cupola.memory_within_limits, cupola.no_lost_app, cupola.one_of_each },

  run = function(cloud)
    cloud:record("time until all run", cloud:wait_until(cupola.converged, "1200s"))
    cloud:wait("20s")
    cloud:fault("power_off", { target = "zone:1" })
    cloud:record("time until all run again", cloud:wait_until(cupola.all_wanted_run, "1200s"))
    cloud:wait_until(cupola.routes_are_right, "60s")
  end,
}
