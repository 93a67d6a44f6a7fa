-- Row 1 under the full fault menu: after a storm of it, and while DEAs and routers that do not concern the promise go on
-- having faults of their own.
local cupola = require "cupola"

local function others(cloud, spared)
  local list = {}
  for _, component in ipairs { table.unpack(cloud.deas) } do
    if component.name ~= spared then
      list[#list + 1] = component
    end
  end
  for _, router in ipairs(cloud.routers) do
    list[#list + 1] = router
  end
  return list
end

return cupola.scenario {
  title = "A storm of drawn faults passes, and another goes on over hosts that are not concerned: a crash is answered by an order within 0.2 s",
  cloud = { zones = 2, bus_servers = 2, routers = 2, controllers = 2, health_managers = 2, deas = 6,
    clock_offset_most = "120s" },
  apps = { shop = { instances = 6, boot = "200ms" }, blog = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_FORGETS_EXITS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:storm("15s")
    cloud:mend_everything()
    cloud:wait_until(cupola.all_up, "60s")
    cloud:wait_until(cupola.converged, "600s")
    cloud:wait("185s") -- Who has crashed in the storm has proved itself: another crash is no crash loop.
    cloud:wait_until(cupola.converged, "60s")

    local victim = cloud:pick(cloud:instances("shop"))
    cloud:storm("12s", { only = others(cloud, victim.dea), at_once = true })
    cloud:wait(("%dms"):format(cloud:draw(0, 1500)))
    local before = cloud:ordered("shop", victim.index)
    if not victim:kill() then
      return -- What goes on has replaced it meanwhile.
    end
    cloud:record("time until the replacement is ordered", cloud:wait_until(function()
      return cloud:ordered("shop", victim.index) > before, "no start was ordered"
    end, "200ms"))
    cloud:mend_everything()
    cloud:wait_until(cupola.all_up, "60s")
    cloud:wait_until(cupola.converged, "600s")
  end,
}
