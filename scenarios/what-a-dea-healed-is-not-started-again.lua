local cupola = require "cupola"

-- Either the bus is down, or the health managers and a DEA are cut off from it, one after the other.
local function silence(cloud)
  if cloud:draw(1, 2) == 1 then
    return { cloud.bus[1]:keep_down() }
  end
  local cuts = {}
  for _, name in ipairs({ cloud.health_managers[1], cloud.health_managers[2], cloud:pick(cloud.deas) }) do
    cuts[#cuts + 1] = cloud:fault("partition", { target = name, peer = "bus" })
  end
  return cuts
end

return cupola.scenario {
  title = "DEAs start again what crashes while nobody hears them; when somebody does, nobody stops it or starts it once more",
  cloud = { deas = 4, controllers = 2, health_managers = 2, routers = 2 },
  apps = { shop = { instances = 8 }, blog = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "DEA_TELLS_NO_CRASH_IT_HEALED" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("10s")
    local started = cloud:started()
    local outages = silence(cloud)
    cloud:wait(("%dms"):format(cloud:draw(100, 6000)))
    local kills = cloud:draw(1, 3)
    for _ = 1, kills do
      cloud:pick(cloud:instances()):kill()
      cloud:wait(("%dms"):format(cloud:draw(10, 3000)))
    end
    cloud:wait(("%dms"):format(cloud:draw(10, 4000)))
    for _, outage in ipairs(outages) do
      outage:mend()
      cloud:wait(("%dms"):format(cloud:draw(1, 1500)))
    end
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "10s")
    cloud:expect(cloud:started() - started == kills,
      ("%d were killed, %d were started"):format(kills, cloud:started() - started))
  end,
}
