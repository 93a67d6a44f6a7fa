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
    for _ = 1, 3 do
      local late = cloud:fault("message_delay", { target = "dea", subject = "dea.stop", amount = 1000000,
        delay = cupola.uniform("2s", "5s") })
      local started = cloud:started()
      cloud:scale("shop", 3):wait("60s")
      cloud:scale("shop", 6):wait("60s")
      cloud:wait("10s")
      late:mend()
      cloud:wait_until(cupola.converged, "60s")
      local count = cloud:started() - started
      cloud:expect(count == 3, ("three instances were wanted anew, %d were started"):format(count))
    end
    -- The whole of a controller is slow: its starts too are two seconds on their way, and so are the answers. Silence
    -- for so long is a lost message or a dead host: each is ordered once more, by whoever was asked, with a newer epoch.
    -- No controller can know better before the answer is there; what it costs is one start that ends as overtaken.
    for _ = 1, 3 do
      local slow = cloud:fault("latency", { target = cloud:pick(cloud.controllers).host, peer = cloud.bus[1].host,
        delay = "2000ms" })
      local started = cloud:started()
      cloud:scale("shop", 3):wait("60s")
      cloud:scale("shop", 6):wait("60s")
      cloud:wait("8s")
      slow:mend()
      cloud:wait_until(cupola.converged, "60s")
      local count = cloud:started() - started
      cloud:count("starts of three through a slow controller", count)
      cloud:expect(count <= 6, ("three instances were wanted anew, %d were started"):format(count))
    end
  end,
}
