local cupola = require "cupola"

return cupola.scenario {
  title = "Programs that are none of ours listen on some of a DEA's ports: no app is given one of them, no request gets there",
  row = "D4",
  weakness = "a port is picked by binding, closing and using it again: two race for it, and the probe may meet another's listener",
  tripped_by = { mutation = "DEA_TRUSTS_ANY_LISTENER" },
  cloud = { deas = 2, routers = 2, dea_config = { first_port = 40000, last_port = 40039 } },
  apps = { shop = { instances = 4, pushed = false }, blog = { instances = 4, pushed = false } },
  load = { { host = "shop.cupola.test", rate = 20 }, { host = "blog.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.all_up, "30s")
    for port = 40000, 40039 do
      if cloud:draw(1, 3) == 1 then
        cloud:fault("stranger", { target = cloud:pick(cloud.deas).host, amount = port })
      end
    end
    cloud:push("shop", { instances = 4 })
    cloud:push("blog", { instances = 4 })
    for _ = 1, 3 do
      cloud:record("time until all run", cloud:wait_until(function(at)
        return at:serving "shop" == 4 and at:serving "blog" == 4, "not all serve"
      end, "60s"))
      cloud:wait "5s"
      cloud:pick(cloud:instances("shop")):kill()
      cloud:pick(cloud:instances("blog")):kill()
      cloud:wait "100ms"
    end
    cloud:wait_until(cupola.converged, "60s")
  end,
}
