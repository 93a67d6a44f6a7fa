local cupola = require "cupola"

return cupola.scenario {
  title = "A partition cuts one DEA off for longer than its instances are believed in: they are replaced, and the surplus is stopped when it heals",
  cloud = { routers = 2, deas = 4 },
  apps = { shop = { instances = 8 } },
  load = { { host = "shop.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local victim = cloud:pick(cloud.deas)
    local partition = victim.host:partition()
    cloud:wait_until(function()
      return cloud:serving("shop") >= 8, ("%d of 8 instances serve"):format(cloud:serving("shop"))
    end, "90s")
    cloud:wait("10s")
    partition:mend()
    cloud:record("time to agreement after the heal", cloud:wait_until(cupola.converged, "90s"))
    cloud:wait("40s")
    cloud:wait_until(cupola.converged, "1s")
  end,
}
