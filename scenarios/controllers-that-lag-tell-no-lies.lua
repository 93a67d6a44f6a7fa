local cupola = require "cupola"

return cupola.scenario {
  title = "A controller that hears late of what another one wrote: whatever a client is told to be done, is done",
  tripped_by = { mutation = "CC_TRUSTS_ITS_FOLD" },
  cloud = { controllers = 2, deas = 4 },
  apps = { shop = { instances = 3, boot = "20ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 12 do
      cloud:fault("partition", { target = "controller-1", peer = "journal" })
      cloud:wait("200ms")
      -- Back and forth, so that what was true two changes ago is what is wanted now.
      cloud:scale("shop", 3 + round % 2):wait("120s")
      cloud:mend_everything()
      cloud:scale("shop", 4 - round % 2):wait("120s")
    end
    cloud:wait_until(cupola.converged, "120s")
    cloud:expect(cloud:serving("shop") == 4, "four serve")
  end,
}
