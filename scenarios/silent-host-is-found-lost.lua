local cupola = require "cupola"

return cupola.scenario {
  title = "One of a hundred hosts dies without a word: the starts that replace its instances are ordered within 3 s, and nobody else is taken for dead",
  cloud = { zones = 2, routers = 2, controllers = 2, health_managers = 2, deas = 100, dea_memory = "4G",
    controller_config = { max_apps = 100, max_memory_mb = 1000000 } },
  apps = { shop = { instances = 100, memory = "64M" }, blog = { instances = 50, memory = "64M" } },
  always = { cupola.never_misrouted, cupola.memory_within_limits },
  tripped_by = { setting = { health_manager_config = { lease_ms = 0 } } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "120s")
    cloud:wait("3s")
    cloud:wait(("%dms"):format(cloud:draw(0, 500)))
    local victim = cloud:pick(cloud:instances("shop")).dea
    local head = cloud.controllers[1]:state().head
    cloud:fault("power_off", { target = "host:" .. victim })
    cloud:record("time until the replacement is ordered", cloud:wait_until(function()
      return cloud.controllers[1]:state().head > head, "no start was ordered"
    end, "3s"))
    cloud:record("time to recovery", cloud:wait_until(cupola.app_converged "shop", "20s"))
    cloud:wait("2s")
    for _, manager in ipairs(cloud.health_managers) do
      cloud:expect(manager:state().hosts_ever_lost == 1, "only the dead host is taken for dead")
    end
  end,
}
