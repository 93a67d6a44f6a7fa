local cupola = require "cupola"

return cupola.scenario {
  title = "A DEA is killed between any two of its effects, nine times over, while apps come, go and change: no instance is lost or doubled, none that ran restarts",
  row = "D11",
  weakness = "the snapshot is written without a sync, its name has a granularity of a second: a kill in between loses instances",
  tripped_by = { mutation = "DEA_FORGETS_SURVIVORS" },
  cloud = { routers = 2, deas = 3, restart_delay = "100ms" },
  apps = { shop = { instances = 6 }, blog = { instances = 3 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local before = {}
    for _, instance in ipairs(cloud:instances("shop")) do
      before[instance.instance] = true
    end
    for round = 1, 9 do
      local victim = cloud:pick(cloud.deas)
      cloud:fault("kill_at_effect", { target = victim, amount = cloud:draw(1, 120) })
      local change = cloud:draw(1, 4)
      if change == 1 then
        cloud:scale("blog", cloud:draw(1, 9)):wait("60s")
      elseif change == 2 then
        cloud:map("shop", ("shop-%d.cupola.test"):format(round)):wait("60s")
      elseif change == 3 then
        cloud:pick(cloud:instances("blog")):kill()
      else
        cloud:wait(("%dms"):format(cloud:draw(1, 3000)))
      end
    end
    cloud:wait("12s") -- Heartbeats make those effects that changes did not.
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "60s"))
    for _, instance in ipairs(cloud:instances("shop")) do
      cloud:expect(before[instance.instance], "the same instances as before; " .. instance.instance .. " is new")
    end
  end,
}
