local cupola = require "cupola"

-- What is done to whom while a change is under way. `amount` counts effects of a component: each journal append, each
-- message, each piece of a blob is one.
local function trouble(cloud)
  local kind = cloud:draw(1, 11, "trouble")
  local controller, dea = cloud:pick(cloud.controllers), cloud:pick(cloud.deas)
  local duration = ("%dms"):format(cloud:draw(20, 4000, "trouble.duration"))
  if kind <= 3 then
    cloud:fault("kill_at_effect", { target = controller, amount = cloud:draw(1, 90, "trouble.effect") })
  elseif kind == 4 then
    cloud:fault("kill_at_effect", { target = dea, amount = cloud:draw(1, 120, "trouble.effect") })
  elseif kind == 5 then
    cloud:fault("blobs_missing", { duration = duration })
  elseif kind == 6 then
    cloud:fault("journal_slow", { delay = cupola.exponential("100ms", "400ms"), duration = duration })
  elseif kind == 7 then
    cloud:fault("disk_slow", { target = "storage", delay = cupola.exponential("50ms", "300ms"), duration = duration })
  elseif kind == 8 then
    controller:pause(duration)
  elseif kind == 9 then
    cloud:fault("kill_at_effect", { target = cloud.gateways[1], amount = cloud:draw(1, 30, "trouble.effect") })
  elseif kind == 10 then
    cloud.gateways[1]:pause(duration)
  else
    cloud:fault("reboot", { target = "storage", delay = "500ms" })
  end
end

return cupola.scenario {
  title = "Controllers, DEAs, gateways and blobs are killed or slowed at any step of push, stage, update, scale, map, bind, stop and delete: no app is stuck, nothing is left over, no acknowledged change is lost",
  tripped_by = { mutation = "CC_KEEPS_STRAY_BLOBS" },
  cloud = {
    deas = 2,
    controllers = 2,
    gateways = 1,
    restart_delay = "100ms",
    disk_sync = cupola.exponential("1ms", "5ms"),
    staging = cupola.lognormal("400ms", 0.5),
    controller_config = { snapshot_entries = 12, blob_keep_ms = 120000 },
    gateway_config = { makes_twice_permille = 50, never_answers_permille = 20, fails_late_permille = 50 },
  },
  apps = { shop = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local steps = {
      function() return cloud:push("blog", { instances = 1 }) end,
      function() return cloud:create_service("redis", "cache") end,
      function() return cloud:scale("shop", 3) end,
      function() return cloud:bind_service("cache", "shop") end,
      function() return cloud:update("shop") end,
      function() return cloud:map("blog", "other.cupola.test") end,
      function() return cloud:create_service("redis", "queue") end,
      function() return cloud:bind_service("queue", "blog") end,
      function() return cloud:scale("shop", 1) end,
      function() return cloud:unbind_service("cache", "shop") end,
      function() return cloud:stop("blog") end,
      function() return cloud:bind_service("cache", "shop") end,
      function() return cloud:start("blog") end,
      function() return cloud:delete_service("cache") end,
      function() return cloud:delete("blog") end,
    }
    for _, step in ipairs(steps) do
      trouble(cloud)
      local change = step()
      if cloud:draw(0, 1, "trouble.again") == 1 then
        cloud:wait(cloud:draw(0, cupola.duration("800ms"), "trouble.moment"))
        trouble(cloud)
      end
      -- While blobs are out of reach a push is refused with an error, and acknowledges nothing; a gateway may fail several
      -- times in a row: once more, then.
      for attempt = 1, 8 do
        cloud:wait_until(cupola.operators_idle, "300s")
        if pcall(change.wait, change, "1s") or attempt == 8 then
          break
        end
        cloud:wait("5s")
        change = step()
      end
      change:wait("300s")
      cloud:wait_until(cupola.converged, "180s")
    end
    -- The next life of the controllers begins with a snapshot that says nothing of what was deleted before it.
    for i = 1, 14 do
      cloud:scale("shop", 1 + i % 2):wait("120s")
    end
    for _, controller in ipairs(cloud.controllers) do
      controller:kill()
    end
    cloud:wait_until(cupola.converged, "180s")
    cloud:expect(#cloud:instances("shop") == 1, "one instance runs, and nothing else")
    cloud:wait_until(cupola.blobs_are_right, "600s")
    cloud:wait_until(cupola.services_are_right, "900s")
  end,
}
