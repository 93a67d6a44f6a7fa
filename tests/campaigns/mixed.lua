-- The cloud of `./dev campaign`: some of everything, small enough for a trial in 30 ms.
local cupola = require "cupola"

return cupola.scenario {
  title = "A mixed cloud: two of each, DEAs of two generations, apps of several kinds",
  cloud = { zones = 2, bus_servers = 2, routers = 2, controllers = 2, health_managers = 2, deas = 5, old_deas = 2,
    clock_offset_most = "120s", check_interval = "500ms",
    -- One of 2011 sees no replacement and waits blindly, as v1 did; for less than what one_of_each allows.
    dea_config = { evacuation_ms = 15000 } },
  apps = {
    shop = { instances = 3 },
    blog = { instances = 1, singleton = true },
    late = { instances = 1, boot = "5s", ignores_term = true },
    flaky = { instances = 1, crash_after_mean = "3000s" },
  },
  load = { { host = "shop.cupola.test", rate = 3 }, { host = "blog.cupola.test", rate = 1 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
  end,
}
