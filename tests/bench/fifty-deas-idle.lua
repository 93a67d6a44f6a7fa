local cupola = require "cupola"

return cupola.scenario {
  title = "Fifty DEAs, twenty apps of fifty instances: idle",
  cloud = { zones = 2, routers = 2, deas = 50, dea_memory = "4G",
    controller_config = { max_apps = 100, max_memory_mb = 1000000 } },
  apps = (function()
    local apps = {}
    for i = 1, 20 do
      apps["app" .. i] = { instances = 50, memory = "64M" }
    end
    return apps
  end)(),
  always = { cupola.never_misrouted, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "300s")
    cloud:wait("30m")
  end,
}
