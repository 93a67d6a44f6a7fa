local cupola = require "cupola"

return cupola.scenario {
  title = "A controller that lags is asked by a gateway what there shall be: nothing that somebody has is deleted over its answer",
  row = "S1",
  weakness = "gateways that look for what nobody owns take the controller's word for it, however old that is",
  tripped_by = { mutation = "CC_TRUSTS_ITS_FOLD" },
  cloud = {
    deas = 2, controllers = 2, gateways = 1,
    -- It looks often, and spares little.
    gateway_config = { offer_ms = 2000, reap_ms = 3000 },
  },
  apps = { shop = { instances = 2 } },
  always = { cupola.no_lost_app, cupola.never_misrouted, cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 4 do
      -- Only the gateway reaches it still: what users do, the other one records.
      local cut = cloud:fault("partition", { target = cloud:pick(cloud.controllers), peer = "journal,router" })
      cloud:wait("200ms")
      local name = "cache-" .. round
      cloud:create_service("redis", name):wait("120s")
      cloud:bind_service(name, "shop"):wait("120s")
      cloud:wait("12s")
      cut:mend()
      cloud:wait_until(cupola.services_are_right, "60s")
    end
    cloud:wait_until(cupola.converged, "60s")
  end,
}
