local cupola = require "cupola"

return cupola.scenario {
  title = "No droplet can be had for a while: starts fail, nobody calls it a crash, and the app runs as soon as there are droplets again",
  row = "D6",
  weakness = "a failed download is ignored and the start script runs anyway: an outage of the controller is booked as crashes of the app",
  tripped_by = { mutation = "DEA_BOOKS_FAULTS_AS_CRASHES" },
  cloud = { deas = 8, dea_config = { download_attempts = 2 } },
  apps = { shop = { instances = 1 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local home = cloud:instances("shop")[1].dea
    local missing = cloud:fault("blobs_missing", { target = "journal" })
    for _, dea in ipairs(cloud.deas) do
      if dea.name == home then
        dea.host:power_off() -- Nobody else has the droplet.
      end
    end
    cloud:wait("20s")
    cloud:expect(not cloud:holds(cupola.app_is_flapping "shop"), "the app is not to blame")
    missing:mend()
    cloud:record("time from droplets to running", cloud:wait_until(function()
      for _, instance in ipairs(cloud:instances("shop")) do
        if instance.is_listening and instance.dea ~= home then
          return true
        end
      end
      return false, "nothing of it runs elsewhere"
    end, "30s"))
    cloud:mend_everything()
    cloud:wait_until(cupola.converged, "90s")
  end,
}
