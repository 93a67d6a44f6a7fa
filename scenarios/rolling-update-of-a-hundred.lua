local cupola = require "cupola"

local function app(fields)
  fields.instances, fields.memory = 100, "64M"
  return fields
end

return cupola.scenario {
  title = "A hundred instances are updated under 2,000 requests a second: scaled and cancelled meanwhile, and taken back when the new version never comes up, no request fails",
  tripped_by = { mutation = "CC_UPDATES_AT_ONCE" },
  sometimes = { "scaled and cancelled in the midst of an update" },
  cloud = { routers = 2, controllers = 2, deas = 10, dea_memory = "8G" },
  apps = { shop = app { boot = cupola.uniform("200ms", "2s") } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    local somebody = cloud.colleague
    cloud:wait_until(cupola.converged, "60s")
    cloud:add_load { host = "shop.cupola.test", rate = 2000 }

    -- Scaled in the midst of it.
    local began = cloud:now()
    local push = cloud:push("shop", app { boot = cupola.uniform("300ms", "2s") })
    cloud:wait(cloud:draw(cupola.duration("1s"), cupola.duration("15s"), "scenario.scale"))
    local is_amid = not push:is_over()
    local wanted = cloud:draw(80, 120, "scenario.wanted")
    somebody:scale("shop", wanted):wait()
    push:wait("600s")
    cloud:record("time of the update", cloud:now() - began)
    cloud:wait_until(cupola.converged, "60s")
    cloud:expect(cloud:serving("shop") == wanted, ("%d serve, not %d"):format(cloud:serving("shop"), wanted))

    -- Cancelled.
    local update = cloud:update("shop")
    cloud:wait(cloud:draw(cupola.duration("1s"), cupola.duration("10s"), "scenario.cancel"))
    local is_early = not update:is_over()
    somebody:cancel("shop")
    local ended, reason = pcall(update.wait, update, "600s")
    cloud:expect(not is_early or (not ended and tostring(reason):find("cancelled by", 1, true)), "the update says who ended it")
    cloud:wait_until(cupola.converged, "60s")
    cloud:expect(cloud:serving("shop") == wanted, "all serve after the end of the update")
    if is_amid and is_early then
      cloud:mark("scaled and cancelled in the midst of an update")
    end

    -- Nobody will ever hear of that version: it ends before it listens.
    local bad = cloud:push("shop", app { never_binds = true, exit_after_boot = "500ms" })
    local done, why = pcall(bad.wait, bad, "600s")
    cloud:expect(not done and tostring(why):find("did not hold", 1, true), "the push fails, and says why")
    cloud:stop_load("shop.cupola.test")
    cloud:wait_until(cupola.converged, "60s")
    cloud:expect(cloud:serving("shop") == 100, "the version before serves again")
  end,
}
