local cupola = require "cupola"

return cupola.scenario {
  title = "A new health manager knows every DEA within moments, also those that run nothing",
  row = "D13",
  weakness = "a DEA without instances sends no heartbeat: nobody can tell idle from dead",
  tripped_by = { mutation = "DEA_SILENT_WHEN_EMPTY" },
  cloud = { deas = 6 },
  apps = { shop = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud.health_managers[1]:restart()
    cloud:wait("1s")
    cloud:record("time until all are known", cloud:wait_until(function()
      local state = cloud.health_managers[1]:is_running() and cloud.health_managers[1]:state() or {}
      return (state.hosts or state.deas) == 6, ("it knows %s of 6"):format(tostring(state.hosts or state.deas))
    end, "15s"))
  end,
}
