local cupola = require "cupola"

local function speaks(manager)
  return manager:is_running() and manager:state().speaks
end

return cupola.scenario {
  title = "The health manager that speaks hears the bus, and the bus does not hear it: it falls silent and grants nothing, another one speaks, and what crashes is replaced",
  cloud = { deas = 4, controllers = 2, health_managers = 2 },
  apps = { shop = { instances = 6, boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_TRUSTS_ITS_SLEEP" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local first, second = table.unpack(cloud.health_managers)
    if speaks(second) then
      first, second = second, first
    end
    cloud:expect(speaks(first) and not speaks(second), "one of two speaks")
    local cut = cloud:fault("partition", { target = first, peer = "bus", one_way = true })
    cloud:wait(("%dms"):format(cloud:draw(0, 1500)))
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("100ms")
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "4s"))
    cloud:record("time until it has fallen silent", cloud:wait_until(function()
      return not speaks(first) and speaks(second), "nobody hears who speaks"
    end, "2500ms"))
    cut:mend()
    cloud:wait("20s")
    cloud:wait_until(cupola.converged, "1s")
    cloud:expect(speaks(first) ~= speaks(second), "one of two speaks again")
  end,
}
