local cupola = require "cupola"

return cupola.scenario {
  title = "Clients read and change the same apps at three controllers at once, while controllers lag, die and the journal is away: what each is told fits one order of all calls",
  tripped_by = { mutation = "CC_TRUSTS_ITS_FOLD" },
  cloud = {
    deas = 2,
    controllers = 3,
    restart_delay = "150ms",
    disk_sync = cupola.exponential("1ms", "4ms"),
    controller_config = { snapshot_entries = 15 },
  },
  apps = { shop = { instances = 1 }, blog = { instances = 2 } },
  always = { cupola.linearizable_per_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:rest_clients { app = "shop", clients = 4, calls = 60, pause = "60ms", timeout = "6s" }
    cloud:rest_clients { app = "blog", clients = 3, calls = 30, pause = "90ms", timeout = "6s", deletes = true }
    for _ = 1, 4 do
      cloud:wait(cloud:draw(10, cupola.duration("500ms"), "scenario.moment"))
      local controller = cloud:pick(cloud.controllers)
      local what = cloud:draw(1, 6, "scenario.what")
      if what == 1 then
        cloud:fault("kill_at_effect", { target = controller, amount = cloud:draw(1, 80) })
      elseif what == 2 then -- It can be asked, and hears nothing of the others.
        cloud:fault("partition", { target = "storage", peer = controller, duration = "700ms" })
      elseif what == 3 then
        cloud:fault("latency", { target = "storage", peer = controller, delay = cupola.constant("80ms"), duration = "1500ms" })
      elseif what == 4 then
        controller:pause("900ms")
      elseif what == 5 then
        cloud:fault("journal_outage", { duration = "400ms" })
      else
        cloud:fault("reboot", { target = "storage", delay = "300ms" })
      end
    end
    cloud:wait_until(cupola.rest_clients_idle, "300s")
    cloud:wait_until(cupola.converged, "180s")
  end,
}
