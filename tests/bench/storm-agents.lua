-- Row 6 under the fault menu, but for what ends instances or their hosts, and cuts that make a host seem lost.
local cupola = require "cupola"

return cupola.scenario {
  title = "Agents are killed between any two effects and upgraded while clocks, disks, the journal, messages and connections are at fault: no app restarts, every instance is found again",
  cloud = { zones = 2, bus_servers = 2, routers = 2, controllers = 2, health_managers = 2, deas = 4, restart_delay = "100ms",
    clock_offset_most = "120s" },
  apps = { shop = { instances = 8 }, blog = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "DEA_FORGETS_SURVIVORS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local before = {}
    for _, instance in ipairs(cloud:instances()) do
      before[instance.instance] = true
    end
    local started = cloud:started()
    local components = {}
    for _, list in ipairs { cloud.bus, cloud.controllers, cloud.health_managers, cloud.routers, cloud.deas } do
      table.move(list, 1, #list, #components + 1, components)
    end
    for _ = 1, 4 do
      local storm = cloud:storm("9s", { families = { "process", "clock", "disk", "store", "load", "message" },
        without = { "evacuate", "old_version", "bad_config", "keep_down", "crash_loop", "slow_start" }, at_once = true })
      cloud:fault(cloud:pick({ "reset", "half_open", "finish" }, "what breaks"), { target = cloud:pick(components, "whose") })
      cloud:fault("loss", { target = "all", peer = "all", amount = cloud:draw(1, 20000, "loss"), duration = "5s" })
      for _, dea in ipairs(cloud.deas) do
        if cloud:draw(0, 1, "how") == 0 then
          cloud:fault("kill_at_effect", { target = dea, amount = cloud:draw(1, 120) })
        else
          cloud:fault("restart", { target = dea })
        end
        cloud:wait(("%dms"):format(cloud:draw(1, 3000)))
      end
      storm:mend()
      cloud:wait("2s")
    end
    cloud:mend_everything()
    cloud:wait("12s") -- Heartbeats make those effects that nothing else did.
    cloud:wait_until(cupola.all_up, "60s")
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "600s"))
    for _, instance in ipairs(cloud:instances()) do
      cloud:expect(before[instance.instance], "the same instances as before; " .. instance.instance .. " is new")
    end
    cloud:expect(cloud:started() == started, "no app restarts")
  end,
}
