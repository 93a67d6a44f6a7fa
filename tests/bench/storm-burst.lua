-- Row 14 under the full fault menu: a storm of it passes before the burst.
local cupola = require "cupola"

return cupola.scenario {
  title = "A storm of drawn faults passes, then 500 starts at once, 99 DEAs well filled and one empty: every DEA gets its five",
  cloud = { zones = 2, deas = 100, dea_memory = "2G", controllers = 2, routers = 2, health_managers = 2, check_interval = "1s" },
  apps = {
    filler = { instances = 99, memory = "1280M" },
    burst = { instances = 500, memory = "64M", pushed = false },
  },
  always = { cupola.never_misrouted, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "CC_ASKS_ONE_BY_ONE" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "120s")
    cloud:storm("10s")
    cloud:mend_everything()
    cloud:wait_until(cupola.all_up, "60s")
    cloud:wait_until(cupola.converged, "600s")
    cloud:wait("35s") -- Who had doubts about itself, or was on its way back to the bus, has come to rest.
    cloud:push("burst", { instances = 500, memory = "64M" }):wait("60s")
    cloud:record("time until all 500 run", cloud:wait_until(cupola.app_converged "burst", "60s"))
    local on = {}
    for _, instance in ipairs(cloud:instances("burst")) do
      on[instance.dea] = (on[instance.dea] or 0) + 1
    end
    for _, dea in ipairs(cloud.deas) do
      local count = on[dea.name] or 0
      cloud:expect(count >= 4 and count <= 6, ("%s has %d of the burst, its share is 5"):format(dea.name, count))
    end
  end,
}
