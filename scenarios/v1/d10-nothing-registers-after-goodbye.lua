local cupola = require "cupola"

return cupola.scenario {
  title = "Instances say goodbye and drain while routers restart and ask for all routes: who has gone does not come back",
  row = "D10",
  weakness = "an evacuating instance registers again later: for two minutes a route leads to what is gone",
  tripped_by = { mutation = "DEA_REGISTERS_AFTER_GOODBYE" },
  cloud = { routers = 2, deas = 3, dea_config = { drain_ms = 2000 } },
  apps = { shop = { instances = 6, stop = "2s" } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local leaving = cloud:pick(cloud.deas)
    leaving:evacuate()
    cloud:scale("shop", 5)
    for _ = 1, 6 do
      cloud:wait(("%dms"):format(cloud:draw(100, 900)))
      cloud:pick(cloud.routers):restart()
    end
    cloud:wait_until(function()
      return not leaving:is_running(), "it still evacuates"
    end, "60s")
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "20s"))
  end,
}
