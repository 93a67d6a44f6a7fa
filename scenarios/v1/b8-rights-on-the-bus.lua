local cupola = require "cupola"

return cupola.scenario {
  row = "B8",
  weakness = "no credentials by default, else one for all: whoever reaches the bus can start and stop any app",
  title = "Every component has a name of its own on the bus and may say only what is its business: all of their work is done so",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 3, bus_servers = 2 },
  apps = { shop = { instances = 5 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  -- A health manager with the rights of a DEA: what it asks for is not said.
  tripped_by = { setting = { bus_config = { users = {
    { user = "router", password = "the bus password of a simulated cloud", profile = "router" },
    { user = "dea", password = "the bus password of a simulated cloud", profile = "dea" },
    { user = "cloud_controller", password = "the bus password of a simulated cloud", profile = "cloud_controller" },
    { user = "health_manager", password = "the bus password of a simulated cloud", profile = "dea" },
  } } } },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("100ms")
    cloud:wait_until(cupola.converged, "20s")
    cloud:scale("shop", 7)
    cloud:wait("1s")
    cloud:wait_until(cupola.converged, "20s")
    cloud:map("shop", "store.cupola.test"):wait("30s")
    cloud:pick(cloud.deas):evacuate()
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "60s")
    cloud:stop("shop"):wait("30s")
    cloud:wait("5s")
    for _, bus in ipairs(cloud.bus) do
      cloud:expect(bus:state().permission_violations == 0, "nobody wants to say or hear more than it may")
      cloud:expect(bus:state().auth_failures == 0, "everybody is known")
    end
  end,
}
