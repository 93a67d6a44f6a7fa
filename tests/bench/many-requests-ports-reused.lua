local cupola = require "cupola"

-- Row 4 of the targets: as many requests as can be had while ports go from app to app as fast as their quarantine allows,
-- and while the bus, or one router's way to it, is away for a time. The target is none misrouted in 1e9.
local rate = 400
return cupola.scenario {
  title = "Twelve hundred requests a second, ports that are used again all the time, a bus that comes and goes: none reaches another app",
  cloud = {
    deas = 3,
    routers = 2,
    dea_config = { first_port = 40000, last_port = 40027, standing_delay_ms = 10, standing_delay_most_ms = 10 },
    health_manager_config = { flapping_death = 1000000 },
  },
  apps = {
    shop = { instances = 4, boot = "100ms" },
    blog = { instances = 4, boot = "100ms" },
    wiki = { instances = 4, boot = "100ms" },
  },
  load = {
    { host = "shop.cupola.test", rate = rate, from = "5s" },
    { host = "blog.cupola.test", rate = rate, from = "5s" },
    { host = "wiki.cupola.test", rate = rate, from = "5s" },
  },
  always = { cupola.never_misrouted, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "30s")
    for round = 1, 4 do
      local router = cloud:pick(cloud.routers)
      local outage = round % 2 == 0 and cloud.bus[1]:keep_down()
        or cloud:fault("partition", { target = router, peer = "bus" })
      for beat = 1, 40 do
        cloud:pick(cloud:instances()):kill()
        cloud:wait(("%dms"):format(cloud:draw(1000, 5000)))
        if beat == 25 then
          outage:mend()
        end
      end
    end
    cloud:wait_until(cupola.converged, "60s")
  end,
}
