-- The ground of the exploration that shows what its guidance gives: a small cloud, so that a run is cheap.
local cupola = require "cupola"

return cupola.scenario {
  title = "A small cloud",
  cloud = { routers = 1, controllers = 1, health_managers = 1, deas = 2, restart_delay = "200ms" },
  apps = { shop = { instances = 3, memory = "64M", boot = cupola.lognormal("300ms", 0.3) } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
  end,
}
