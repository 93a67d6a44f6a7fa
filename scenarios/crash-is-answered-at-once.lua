local cupola = require "cupola"

-- The newest change that any controller knows: an ordered start is one.
local function head(cloud)
  local newest = 0
  for _, controller in ipairs(cloud.controllers) do
    newest = math.max(newest, controller:state().head)
  end
  return newest
end

return cupola.scenario {
  title = "An instance crashes, and the order to start its replacement is durable within 0.2 s; within 2 s even if the word of the crash is lost",
  cloud = { zones = 2, routers = 2, controllers = 2, health_managers = 2, deas = 6 },
  apps = { shop = { instances = 6, boot = "200ms" }, blog = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_FORGETS_EXITS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local before = head(cloud)
    local function is_ordered()
      return head(cloud) > before, "no start was ordered"
    end
    cloud:pick(cloud:instances("shop")):kill()
    cloud:record("time until the replacement is ordered", cloud:wait_until(is_ordered, "200ms"))
    cloud:wait_until(cupola.converged, "20s")

    -- The word is on its way from the DEA to the bus, or from there to a health manager, when the connection breaks.
    cloud:wait("5s")
    before = head(cloud)
    local victim = cloud:pick(cloud:instances("shop"), "second")
    victim:kill()
    cloud:wait(("%dus"):format(cloud:draw(20, 600)))
    local ends = { victim.dea, cloud.health_managers[1], cloud.health_managers[2] }
    cloud:fault("reset", { target = cloud:pick(ends, "whose connection"), peer = "bus" })
    cloud:record("time until it is ordered, word of it lost", cloud:wait_until(is_ordered, "2s"))
    cloud:wait_until(cupola.converged, "20s")
  end,
}
