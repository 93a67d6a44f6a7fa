local cupola = require "cupola"

-- Ten times a second: no router may know an instance that has said goodbye half a second ago.
local function watch(cloud, goodbyes)
  for _, dea in ipairs(cloud.deas) do
    for _, instance in ipairs(dea:is_running() and dea:state().instances or {}) do
      if instance.phase == "STOPPING" or instance.phase == "REMOVING" then
        goodbyes[instance.instance_id] = goodbyes[instance.instance_id] or cloud:now()
      end
    end
  end
  for _, router in ipairs(cloud.routers) do
    for _, route in ipairs(router:is_running() and router:state().routes or {}) do
      local said = goodbyes[route.instance]
      cloud:expect(not said or cloud:now() - said < cupola.duration "500ms",
        ("%s routes to %s, which said goodbye %s ago"):format(router.name, route.endpoint, cupola.show(cloud:now() - (said or 0))))
    end
  end
end

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
    local goodbyes = {}
    local leaving = cloud:pick(cloud.deas)
    leaving:evacuate()
    cloud:scale("shop", 5)
    local pause = cloud:draw(1, 9)
    for _ = 1, 60 do
      cloud:wait "100ms"
      watch(cloud, goodbyes)
      pause = pause - 1
      if pause == 0 then
        cloud:pick(cloud.routers):restart()
        pause = cloud:draw(1, 9)
      end
    end
    cloud:wait_until(function()
      return not leaving:is_running(), "it still evacuates"
    end, "60s")
    cloud:wait "1s"
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "20s"))
  end,
}
