-- One fault of each family, and how long the cloud is not as wanted: tests/recovery/compare.sh holds it against baseline.json.
local cupola = require "cupola"

local has_crashed = {}

-- Each index once: what crashes again and again is restarted later each time.
local function crash(cloud)
  local others = {}
  for _, instance in ipairs(cloud:instances("shop")) do
    if not has_crashed[instance.index] then
      others[#others + 1] = instance
    end
  end
  local victim = cloud:pick(others, "victim")
  has_crashed[victim.index] = true
  victim:kill()
end

-- Each breaks something; the fault that it returns is there until the cloud has healed in spite of it.
local families = {
  { "workload", crash },
  { "process: DEA", function(cloud) cloud:pick(cloud.deas, "victim"):kill() end },
  { "process: router", function(cloud) cloud:pick(cloud.routers, "victim"):kill() end },
  { "process: health manager", function(cloud)
    for _, manager in ipairs(cloud.health_managers) do
      manager:kill()
    end
    crash(cloud)
  end },
  { "process: controller", function(cloud)
    for _, controller in ipairs(cloud.controllers) do
      controller:kill()
    end
    crash(cloud)
  end },
  { "process: bus", function(cloud)
    cloud.bus[1]:kill()
    crash(cloud)
  end },
  { "host", function(cloud)
    return cloud:fault("power_off", { target = cloud:pick(cloud.deas, "victim").host })
  end },
  { "network: loss", function(cloud)
    local fault = cloud:fault("loss", { target = "all", amount = 100000 })
    crash(cloud)
    return fault
  end },
  { "network: reset", function(cloud)
    cloud:fault("reset", { target = "all" })
    crash(cloud)
  end },
  { "clock", function(cloud)
    local fault = cloud:fault("clock_step", { target = cloud:pick(cloud.deas, "host").host, amount = 40 * 1000000000 })
    crash(cloud)
    return fault
  end },
  { "disk", function(cloud)
    local fault = cloud:fault("disk_full", { target = "dea" })
    crash(cloud)
    return fault
  end },
  { "store", function(cloud)
    cloud:fault("journal_outage", { target = "journal", duration = "10s" })
    crash(cloud)
  end },
  { "load", function(cloud)
    local fault = cloud:fault("slow_process", { target = "health_manager", delay = "20ms" })
    crash(cloud)
    return fault
  end },
  { "message", function(cloud)
    local fault = cloud:fault("message_loss", { target = "dea", amount = 1000000, subject = "droplet.exited" })
    crash(cloud)
    return fault
  end },
}

return cupola.scenario {
  title = "One fault of each family after the other: the time to recovery of each",
  cloud = { zones = 2, bus_servers = 1, routers = 2, controllers = 2, health_managers = 2, deas = 6, restart_delay = "1s" },
  apps = { shop = { instances = 12, boot = cupola.lognormal("300ms", 0.4) } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("10s")
    for _, family in ipairs(families) do
      local name, harm = family[1], family[2]
      cloud:wait(cupola.duration("5s") + cloud:draw(0, cupola.duration("10s"), "pause"))
      local began = cloud:now()
      local fault = harm(cloud)
      if not fault then
        cloud:wait_until(cupola.all_up, "10s")
      end
      cloud:wait("50ms") -- What was hurt is noticed by now.
      cloud:wait_until(cupola.converged, "120s")
      cloud:record(name, cloud:now() - began)
      if fault then
        fault:mend()
      end
      cloud:wait_until(cupola.all_up, "60s")
      cloud:wait_until(cupola.converged, "60s")
    end
  end,
}
