-- Row 2 under the full fault menu: after a storm of it, and while twenty other hosts go on having faults of their own.
local cupola = require "cupola"

return cupola.scenario {
  title = "A storm of drawn faults passes, and another goes on over some hosts: one that dies without a word is found lost, and the starts that replace its instances are ordered within 3 s",
  cloud = { zones = 2, bus_servers = 2, routers = 2, controllers = 2, health_managers = 2, deas = 60, dea_memory = "4G",
    clock_offset_most = "120s", controller_config = { max_apps = 100, max_memory_mb = 1000000 } },
  apps = { shop = { instances = 60, memory = "64M" }, blog = { instances = 30, memory = "64M" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { setting = { health_manager_config = { lease_ms = 0 } } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "120s")
    cloud:storm("15s")
    cloud:mend_everything()
    cloud:wait_until(cupola.all_up, "60s")
    cloud:wait_until(cupola.converged, "600s")
    cloud:wait("31s") -- What fell silent in the storm is no share of a meltdown any more when hosts do now.

    local victim = cloud:pick(cloud:instances("shop"))
    local others = {}
    for i = 1, 20 do
      others[i] = cloud.deas[i].name ~= victim.dea and cloud.deas[i] or cloud.deas[21]
    end
    cloud:storm("12s", { only = others, at_once = true })
    cloud:wait(("%dms"):format(cloud:draw(0, 1500)))
    local before = cloud:ordered("shop", victim.index)
    cloud:fault("power_off", { target = "host:" .. victim.dea })
    cloud:record("time until the replacement is ordered", cloud:wait_until(function()
      return cloud:ordered("shop", victim.index) > before, "no start was ordered"
    end, "3s"))
    cloud:mend_everything()
    cloud:wait_until(cupola.all_up, "60s")
    cloud:wait_until(cupola.converged, "600s")
  end,
}
