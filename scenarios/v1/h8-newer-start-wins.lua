local cupola = require "cupola"

return cupola.scenario {
  row = "H8",
  weakness = "of two instances of one index the one that beats second is stopped: perhaps the healthy one, perhaps each in turn",
  title = "A host that was cut off and replaced comes back: every health manager has the older starts stopped, and the newer ones serve on",
  cloud = { deas = 4, controllers = 2, health_managers = 2 },
  apps = { shop = { instances = 8, boot = "200ms" } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_KEEPS_THE_FIRST" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local victim = cloud:pick(cloud.deas)
    local partition = victim.host:partition()
    cloud:wait("8s")
    local newer = {}
    for _, instance in ipairs(cloud:instances("shop")) do
      if instance.dea ~= victim.name then
        newer[instance.instance] = true
      end
    end
    -- Who decides hears of both for the first time, in any order.
    for _, manager in ipairs(cloud.health_managers) do
      manager:keep_down("8s")
    end
    cloud:wait("1s")
    partition:mend()
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "60s"))
    cloud:wait("20s")
    cloud:wait_until(cupola.converged, "1s")
    local left = 0
    for _, instance in ipairs(cloud:instances("shop")) do
      left = left + (newer[instance.instance] and 1 or 0)
    end
    cloud:expect(left == 8, "the newer ones serve on")
  end,
}
