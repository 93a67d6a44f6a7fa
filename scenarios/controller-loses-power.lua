local cupola = require "cupola"

return cupola.scenario {
  title = "The controller's host loses power in the middle of changes: nothing that was acknowledged is lost",
  cloud = { deas = 2, disk_sync = cupola.exponential("2ms", "20ms") },
  apps = { shop = { instances = 1 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 6 do
      local wanted = round % 2 == 1 and 3 or 1
      local scale = cloud:scale("shop", wanted)
      -- As soon as the client was told yes, or somewhere on the way.
      if cloud:draw(0, 1, "scenario.when") == 0 then
        scale:wait("30s")
      else
        cloud:wait(cloud:draw(0, cupola.duration("80ms"), "scenario.moment"))
      end
      cloud.controllers[1].host:reboot("2s")
      scale:wait("90s")
      cloud:wait_until(cupola.converged, "90s")
      cloud:expect(#cloud:instances("shop") == wanted, ("%d instances run"):format(wanted))
    end
  end,
}
