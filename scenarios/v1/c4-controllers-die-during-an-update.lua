local cupola = require "cupola"

return cupola.scenario {
  row = "C4",
  weakness = "who updated held the update in its memory: with it went everything that had not been started yet",
  tripped_by = { mutation = "CC_UPDATES_AT_ONCE" },
  title = "Controllers and a DEA die in the middle of an update: another controller goes on, and no request fails",
  cloud = { routers = 2, controllers = 2, deas = 6, dea_memory = "4G", restart_delay = "5s" },
  apps = { shop = { instances = 12, memory = "64M", boot = cupola.uniform("200ms", "2s") } },
  load = { { host = "shop.cupola.test", rate = 100 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    -- Other bits: a push of what is there already starts nothing.
    local push = cloud:push("shop", { instances = 12, memory = "64M", boot = cupola.uniform("300ms", "2s") })
    for round = 1, 3 do
      cloud:wait(cloud:draw(cupola.duration("1s"), cupola.duration("5s"), "scenario.moment" .. round))
      cloud:pick(cloud.controllers, "scenario.victim" .. round):kill()
    end
    cloud:pick(cloud.deas, "scenario.dea"):kill()
    push:wait("600s")
    cloud:wait_until(cupola.converged, "90s")
    cloud:expect(cloud:serving("shop") == 12, "twelve serve")
  end,
}
