local cupola = require "cupola"

-- No later message shows by its number that one is missing, and no request finds it out: the digest behind the last one does.
return cupola.scenario {
  title = "The registration of a new instance is lost and nothing else happens: its route is there within three seconds",
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
    cloud:scale("shop", 3)
    cloud:record("time until an instance is served whose registration was lost",
      cloud:wait_until(function() return cloud:serving "shop" == 3 end, "3s"))
    loss:mend()
    cloud:wait_until(cupola.converged, "10s")
  end,
}
