-- Row 7 under the fault menu, but for what takes a host away: nobody could replace what was on it.
local cupola = require "cupola"

local hour_s <const> = 3600

return cupola.scenario {
  title = "Bus, controllers and health managers are gone for a day on which storms of drawn faults pass: routes stay, what crashes is restarted by its DEA, and afterwards nothing is there twice",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 4, check_interval = "10s", restart_delay = "1s" },
  apps = { shop = { instances = 8 }, blog = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "DEA_WAITS_FOR_ORDERS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("15s")
    local outages = {}
    for _, list in ipairs { cloud.bus, cloud.controllers, cloud.health_managers } do
      for _, component in ipairs(list) do
        outages[#outages + 1] = component:keep_down()
      end
    end
    cloud:wait("10s")
    for _ = 1, 24 do
      local began = cloud:now()
      cloud:storm("20s", { families = { "process", "clock", "network", "disk" }, only = cloud.deas,
        without = { "evacuate", "old_version", "bad_config" } }):mend()
      cloud:storm("20s", { families = { "clock", "network", "disk" }, only = cloud.routers }):mend()
      cloud:storm("20s", { families = { "workload", "load" } }):mend()
      cloud:record("time until all serve again", cloud:wait_until(function()
        local count = cloud:serving("shop") + cloud:serving("blog")
        return count == 10, ("%d of 10 serve"):format(count)
      end, "400s"))
      cloud:wait(cupola.duration(("%ds"):format(hour_s)) - (cloud:now() - began))
    end
    for _, outage in ipairs(outages) do
      outage:mend()
    end
    cloud:mend_everything()
    cloud:wait_until(cupola.all_up, "60s")
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "120s"))
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "1s")
  end,
}
