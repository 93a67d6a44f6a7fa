local cupola = require "cupola"

return cupola.scenario {
  row = "B11",
  weakness = "everything is fire and forget, nothing is numbered: starts, stops and exits are lost, doubled and overtaken",
  title = "Connections to the bus break again and again while apps crash and are scaled: soon after, all is as ordered",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 4, bus_servers = 2,
    health_manager_config = { flapping_death = 100 } }, -- No crash loop, whatever index is drawn.
  apps = { shop = { instances = 6 }, blog = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "BUS_CLIENT_FORGETS_SUBSCRIPTIONS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local sizes = { 3, 9, 5, 8, 6 }
    for _, size in ipairs(sizes) do
      local order = cloud:scale("shop", size)
      for round = 1, 6 do
        cloud:fault("reset", { target = cloud:pick(cloud.bus, "bus") })
        local instances = cloud:instances("shop")
        if round == 3 and #instances > 0 then -- Seldom enough to be no crash loop.
          cloud:pick(instances, "victim"):kill()
        end
        cloud:wait(("%dms"):format(cloud:draw(50, 900)))
      end
      order:wait("60s")
    end
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "40s"))
    cloud:wait("30s")
    cloud:wait_until(cupola.converged, "1s")
  end,
}
