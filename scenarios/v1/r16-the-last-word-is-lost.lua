local cupola = require "cupola"

-- No later message shows by its number that one is missing, and no request finds it out.
return cupola.scenario {
  title = "The registration of a new instance is lost and nothing else happens: its route is there within a digest's period",
  row = "R16",
  weakness = "a router that missed a registration lacks the route until everybody registers everything again",
  tripped_by = { mutation = "DEA_TELLS_NO_DIGEST" },
  cloud = { deas = 3, routers = 2 },
  apps = { shop = { instances = 2 }, blog = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "30s")
    cloud:wait "10s"
    local loss = cloud:fault("message_loss", { target = "router", subject = "router.register", amount = 1000000 })
    cloud:scale("shop", 3):wait "20s"
    cloud:wait_until(function() return #cloud:instances "shop" == 3 end, "20s")
    cloud:wait "2s"
    loss:mend()
    cloud:expect(cloud:serving "shop" == 2, "the routers do not know the third instance")
    cloud:record("time until the route is there", cloud:wait_until(cupola.converged, "45s"))
  end,
}
