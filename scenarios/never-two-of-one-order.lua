local cupola = require "cupola"

return cupola.scenario {
  title = "Clocks are minutes apart, hosts freeze, are cut off and die while an app is scaled: no order ever becomes two routable instances",
  cloud = { zones = 2, routers = 2, controllers = 2, health_managers = 2, deas = 6, clock_offset_most = "10m",
    restart_delay = "200ms" },
  apps = { shop = { instances = 8 } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for _ = 1, 8 do
      local dea = cloud:pick(cloud.deas)
      local kind = cloud:draw(1, 5)
      local duration = ("%dms"):format(cloud:draw(200, 20000))
      if kind == 1 then
        dea:pause(duration)
      elseif kind == 2 then
        cloud:fault("partition", { target = dea.host, duration = duration })
      elseif kind == 3 then
        cloud:fault("power_off", { target = dea.host, duration = duration })
      elseif kind == 4 then
        cloud:fault("clock_step", { target = dea.host, amount = cloud:draw(-300, 300) * 1000000000 + 1, duration = duration })
      else
        cloud:pick(cloud.controllers):kill()
      end
      cloud:scale("shop", cloud:draw(4, 12))
      cloud:wait(("%dms"):format(cloud:draw(100, 6000)))
    end
    cloud:mend_everything()
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "180s"))
  end,
}
