local cupola = require "cupola"

return cupola.scenario {
  row = "H14",
  weakness = "wall clocks of different hosts are subtracted from each other: skew makes ages wrong",
  title = "Clocks are minutes apart, jump and drift: nothing is started that runs, and what crashes is replaced at once",
  cloud = { deas = 4, controllers = 2, health_managers = 2, clock_offset_most = "10m" },
  apps = { shop = { instances = 8, boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_TRUSTS_CLOCKS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local started = cloud:started()
    for i, dea in ipairs(cloud.deas) do
      cloud:fault("clock_step", { target = dea.host, amount = (i * 2 - 5) * 60 * 1000000000 })
    end
    cloud:fault("clock_drift", { target = cloud:pick(cloud.deas).host, amount = 500 })
    cloud:fault("clock_step", { target = cloud.health_managers[1].host, amount = -300 * 1000000000 })
    for i = 1, 5 do
      cloud:wait("12s")
      cloud:expect(cloud:started() == started + i - 1, "nothing is started that runs")
      cloud:instances("shop")[i]:kill()
      cloud:wait("100ms")
      cloud:record("time to recovery", cloud:wait_until(cupola.converged, "4s"))
    end
  end,
}
