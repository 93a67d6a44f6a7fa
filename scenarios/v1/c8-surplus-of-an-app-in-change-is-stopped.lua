local cupola = require "cupola"

return cupola.scenario {
  title = "An app is edited all the time while a healed partition leaves it surplus instances: they are stopped all the same",
  row = "C8",
  weakness = "a stop counts only while the app's time stamp is the one that the health manager read: edits keep the surplus alive",
  tripped_by = { mutation = "CC_STOPS_ONLY_OLD_APPS" },
  cloud = { routers = 2, deas = 4 },
  apps = { shop = { instances = 8 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local victim = cloud:pick(cloud.deas)
    local partition = victim.host:partition()
    cloud:wait_until(function()
      return #cloud:instances("shop") == 10, "what was cut off is not replaced"
    end, "90s")
    local began = cloud:now()
    local edits = 0
    repeat
      edits = edits + 1
      if edits == 3 then
        partition:mend()
      end
      cloud:map("shop", ("shop-%d.cupola.test"):format(edits % 2)):wait("20s")
      cloud:unmap("shop", ("shop-%d.cupola.test"):format(edits % 2)):wait("20s")
      cloud:wait("200ms")
    until (edits > 6 and #cloud:instances("shop") == 8) or cloud:now() - began > 40000000000
    cloud:expect(#cloud:instances("shop") == 8, "the surplus is gone while the app is edited")
    cloud:count("edits meanwhile", edits)
    cloud:wait_until(cupola.converged, "20s")
  end,
}
