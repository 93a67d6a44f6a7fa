local cupola = require "cupola"

return cupola.scenario {
  row = "B10",
  weakness = "each router asks every 30 seconds for all routes, and hears all answers to all others: routers squared times instances",
  title = "Ten routers, four hundred instances, nothing happens: the bus carries less than a fiftieth of v1's messages",
  cloud = { routers = 10, controllers = 2, health_managers = 2, deas = 10, check_interval = "1s" },
  apps = { shop = { instances = 400 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { setting = { router_config = { start_interval_ms = 1000 } } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "120s")
    cloud:wait("30s")
    local before = cloud.bus[1]:state()
    cloud:wait("60s")
    local after = cloud.bus[1]:state()
    local heard = (after.out_msgs - before.out_msgs) // 60
    cloud:count("messages heard a second", heard)
    cloud:count("messages said a second", (after.in_msgs - before.in_msgs) // 60)
    local of_v1 = 10 * 10 * 400 // 30
    cloud:expect(heard * 50 < of_v1, "less than a fiftieth of the messages of v1")
    cloud:expect((after.in_msgs - before.in_msgs) // 60 < 50, "fewer than 50 a second are said")
    cloud:wait_until(cupola.converged, "1s")
  end,
}
