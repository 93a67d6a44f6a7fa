local cupola = require "cupola"

return cupola.scenario {
  row = "C9",
  weakness = "the loss of the controllers' storage ended more than their own work: what crashed meanwhile stayed down",
  tripped_by = { mutation = "DEA_WAITS_FOR_ORDERS" },
  title = "Controllers and health managers are off for an hour: apps are served, what crashes comes back, nothing is doubled",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 4 },
  apps = { shop = { instances = 4 }, blog = { instances = 1 } },
  load = { { host = "shop.cupola.test", rate = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for _, component in ipairs(cloud.controllers) do component.host:power_off() end
    for _, component in ipairs(cloud.health_managers) do component.host:power_off() end
    cloud:wait("1200s")
    for _, victim in ipairs { "shop/0", "shop/1", "blog/0" } do
      cloud:fault("kill_instance", { target = victim })
    end
    cloud:wait("1200s")
    cloud:expect(cloud:serving("shop") == 4, "four of the shop serve")
    cloud:expect(cloud:serving("blog") == 1, "the blog serves")
    cloud:wait("1200s")
    for _, component in ipairs(cloud.controllers) do component.host:power_on() end
    for _, component in ipairs(cloud.health_managers) do component.host:power_on() end
    cloud:wait_until(cupola.converged, "120s")
    local counts = cloud:requests("shop.cupola.test")
    cloud:expect(counts.failed * 1000 <= counts.sent, ("%d of %d requests failed"):format(counts.failed, counts.sent))
  end,
}
