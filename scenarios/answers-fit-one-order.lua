local cupola = require "cupola"

return cupola.scenario {
  title = "Two controllers, one of them late: what operators are told of several apps fits one order of their commands",
  tripped_by = { mutation = "CC_TRUSTS_ITS_FOLD" },
  cloud = { controllers = 2, deas = 3 },
  apps = { shop = { boot = "20ms" }, blog = { boot = "20ms" } },
  always = { cupola.no_lost_app, cupola.one_order },
  sometimes = { "a controller was late" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 6 do
      cloud:fault("partition", { target = cloud:pick(cloud.controllers), peer = "journal", duration = "3s" })
      cloud:wait("200ms")
      cloud:scale("shop", 1 + round % 2):wait("120s")
      cloud:scale("blog", 1 + round % 2):wait("120s")
      for _ = 1, 3 do
        cloud:apps():wait("120s")
      end
      cloud:mark("a controller was late")
    end
  end,
}
