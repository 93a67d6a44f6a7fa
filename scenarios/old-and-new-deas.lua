local cupola = require "cupola"

return cupola.scenario {
  title = "DEAs of 2011 and ours on one bus: crashes and lost hosts of either kind are healed, ours in seconds, theirs by their heartbeats",
  cloud = { zones = 2, routers = 2, controllers = 2, health_managers = 2, deas = 4, old_deas = 2 },
  apps = { shop = { instances = 8, memory = "512M" } },
  load = { { host = "shop.cupola.test", rate = 10 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { setting = { health_manager_config = { droplet_lost_ms = 300000 } } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("20s")
    local known = cloud.health_managers[1]:state().hosts
    cloud:expect(known == 2, "hosts of 2011 name themselves in no heartbeat; and yet " .. known .. " are known")

    for kind, dea in pairs { ["one of ours"] = "dea-0", ["one of 2011"] = "dea-3" } do
      local function is_whole()
        return #cloud:instances("shop") == 8 and cloud:serving("shop") == 8, "not all instances serve"
      end
      local victim
      for _, instance in ipairs(cloud:instances("shop")) do
        victim = instance.dea == dea and instance or victim
      end
      cloud:expect(victim, "an instance runs on " .. dea)
      victim:kill()
      cloud:wait("20ms")
      cloud:record("a crash is healed, " .. kind, cloud:wait_until(is_whole, "20s"))
      cloud:wait("20s")
      cloud:fault("power_off", { target = "host:" .. dea, duration = "90s" })
      cloud:record("a host is healed, " .. kind, cloud:wait_until(is_whole, "60s"))
      -- Routes to what is gone go when they are stale, where their replacement has no epoch.
      cloud:wait("180s")
      cloud:wait_until(cupola.converged, "30s")
    end
  end,
}
