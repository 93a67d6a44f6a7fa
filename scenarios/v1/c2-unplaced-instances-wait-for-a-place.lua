local cupola = require "cupola"

return cupola.scenario {
  title = "There is no room for all instances: they stay wanted, and start as soon as a DEA with room comes",
  row = "C2",
  weakness = "discover waits 2 s for one answer; without one the controller logs a warning and forgets the instance",
  tripped_by = { setting = { controller_config = { start_retry_ms = 3600000 } } },
  cloud = { deas = 2, dea_memory = "512M" },
  apps = { shop = { instances = 2, memory = "256M" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local away = cloud:pick(cloud.deas)
    away:evacuate() -- Its instance finds a place on the other one.
    cloud:wait_until(function()
      return not away:is_running(), "it still evacuates"
    end, "120s")
    cloud:scale("shop", 4)
    cloud:wait(("%dms"):format(cloud:draw(3000, 9000)))
    cloud:expect(cloud.controllers[1]:state().pending_starts == 2, "the controller still looks for two places")
    away:start()
    cloud:record("time from a DEA's start to running", cloud:wait_until(function()
      local count = cloud:serving("shop")
      return count == 4, ("%d of 4 serve"):format(count)
    end, "8s"))
  end,
}
