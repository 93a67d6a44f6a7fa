local cupola = require "cupola"

return cupola.scenario {
  title = "A DEA freezes between its offer and the order: silence is no yes, the instances run elsewhere within seconds",
  row = "D3",
  weakness = "a dea.start that is refused or lost is not reported: a hole until the health manager notices after 20-40 s",
  tripped_by = { mutation = "CC_AWAITS_NO_START_REPLY" },
  cloud = {
    deas = 4,
    controller_config = { offer_window_ms = 100 },
    -- Not what is looked at here: a health manager that notices late, as v1's.
    health_manager_config = { start_seen_ms = 30000, restart_timeout_ms = 30000, analysis_ms = 10000 },
  },
  apps = { shop = { instances = 4 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local controller = cloud.controllers[1]
    local scale = cloud:scale("shop", 16)
    cloud:wait_until(function()
      return controller:state().pending_starts > 0, "nothing is being placed"
    end, "10s")
    cloud:wait("20ms") -- The DEAs have answered, the orders are still to come.
    local frozen = cloud:pick(cloud.deas):pause()
    cloud:record("time until all serve", cloud:wait_until(function()
      local count = cloud:serving("shop")
      return count >= 16, ("%d of 16 serve"):format(count)
    end, "8s"))
    frozen:mend()
    scale:wait()
    cloud:wait_until(cupola.converged, "60s")
  end,
}
