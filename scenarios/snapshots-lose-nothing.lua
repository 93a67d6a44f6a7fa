local cupola = require "cupola"

-- Every eight entries a snapshot, so that each change may meet one that is being stored or entries that are going.
return cupola.scenario {
  title = "Snapshots of the journal are stored and what they stand for goes, while controllers die and power is lost: nothing that was acknowledged is lost, nothing runs twice",
  tripped_by = { mutation = "JOURNAL_LETS_GO_EARLY" },
  cloud = {
    deas = 2,
    controllers = 2,
    restart_delay = "200ms",
    disk_sync = cupola.exponential("3ms", "30ms"),
    controller_config = { snapshot_entries = 8 },
  },
  apps = { shop = { instances = 2 }, blog = { instances = 1 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 12 do
      local app = round % 3 == 0 and "blog" or "shop"
      local wanted = 1 + round % 4
      local scale = cloud:scale(app, wanted)
      local when = cloud:draw(0, 2, "scenario.when")
      if when == 0 then
        scale:wait("60s")
      elseif when == 1 then
        cloud:wait(cloud:draw(0, cupola.duration("120ms"), "scenario.moment"))
      end
      local what = cloud:draw(1, 4, "scenario.what")
      if what == 1 then
        cloud:fault("reboot", { target = "storage", delay = "1s" })
      elseif what == 2 then
        cloud:pick(cloud.controllers):kill()
      elseif what == 3 then
        cloud:fault("kill_at_effect", { target = cloud:pick(cloud.controllers), amount = cloud:draw(1, 60) })
      end
      scale:wait("120s")
      cloud:wait_until(cupola.converged, "120s")
      cloud:expect(#cloud:instances(app) == wanted, ("%d instances run"):format(wanted))
    end
  end,
}
