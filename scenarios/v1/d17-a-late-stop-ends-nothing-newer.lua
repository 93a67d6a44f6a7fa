local cupola = require "cupola"

return cupola.scenario {
  title = "A stop is slow on its way and arrives after the start that followed it: it ends nothing newer than itself",
  row = "D17",
  weakness = "a stop has no epoch: a late one kills what was started after it, a lost one leaves the app running",
  tripped_by = { mutation = "DEA_FORGETS_EPOCHS" },
  cloud = { controllers = 2, deas = 3 },
  apps = { shop = { instances = 6 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local kept = {}
    for round = 1, 6 do
      local slow = cloud:fault("latency", { target = cloud:pick(cloud.controllers).host, peer = cloud.bus[1].host,
        delay = "2000ms" })
      local started = cloud:started()
      cloud:scale("shop", 3):wait("60s")
      cloud:scale("shop", 6):wait("60s")
      cloud:wait("8s")
      slow:mend()
      cloud:wait_until(cupola.converged, "60s")
      kept[round] = cloud:started() - started
      -- Six seconds pass until a start of the slow controller arrives: the other one may have been asked by then.
      cloud:expect(kept[round] <= 6, ("three instances were wanted anew, %d were started"):format(kept[round]))
    end
  end,
}
