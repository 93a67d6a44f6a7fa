local cupola = require "cupola"

-- The health managers and a DEA, or all DEAs, are cut off from the bus, and come back to it one after the other.
local function silence(cloud, dea)
  local cuts = {}
  local deas = cloud:draw(0, 1, "who is cut off") == 0 and { dea } or cloud.deas
  for _, component in ipairs({ cloud.health_managers[1], cloud.health_managers[2], table.unpack(deas) }) do
    cuts[#cuts + 1] = cloud:fault("partition", { target = component, peer = "bus" })
  end
  return cuts
end

local function pick_on(cloud, dea)
  local there = {}
  for _, instance in ipairs(cloud:instances()) do
    if instance.dea == dea then
      there[#there + 1] = instance
    end
  end
  return cloud:pick(there)
end

return cupola.scenario {
  title = "DEAs start again what crashes while nobody hears them; when somebody does, nobody stops it or starts it once more",
  cloud = { deas = 4, controllers = 2, health_managers = 2, routers = 2 },
  apps = { shop = { instances = 8 }, blog = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_HEARS_NOBODY_OUT" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("10s")
    local started = cloud:started()
    local dea = cloud:pick(cloud:instances()).dea
    local cuts = silence(cloud, dea)
    cloud:wait(("%dms"):format(cloud:draw(100, 6000)))
    pick_on(cloud, dea):kill()
    cloud:wait(("%dms"):format(cloud:draw(3000, 8000)))
    for _, cut in ipairs(cuts) do
      cut:mend()
      cloud:wait(("%dms"):format(cloud:draw(1, 1500)))
    end
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "10s")
    cloud:expect(cloud:started() - started == 1, ("one was killed, %d were started"):format(cloud:started() - started))
  end,
}
