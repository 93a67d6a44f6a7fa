local cupola = require "cupola"

return cupola.scenario {
  row = "B9",
  weakness = "a consumer that stalls is dropped by the bus, which its health manager takes for its end: after a slow query all begins anew",
  title = "Both health managers stand still for twenty seconds: the bus lets go of them with its memory bounded, and they go on where they were",
  cloud = { controllers = 1, health_managers = 2, deas = 4,
    bus_config = { max_pending = 65536 }, dea_config = { heartbeat_ms = 500 } },
  apps = { shop = { instances = 40 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "BUS_CLIENT_ENDS_WHEN_CUT" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("10s")
    local started, heard = cloud:started(), {}
    for i, manager in ipairs(cloud.health_managers) do
      heard[i] = manager:state().heartbeat_msgs_received
      manager:pause("20s")
    end
    cloud:wait("19s")
    local bus = cloud.bus[1]:state()
    cloud:expect(bus.slow_consumers + bus.stale_connections >= 2, "the bus has let go of both")
    cloud:wait("6s")
    for i, manager in ipairs(cloud.health_managers) do
      cloud:expect(manager:state().connected, "they are back")
      cloud:expect(manager:state().heartbeat_msgs_received > heard[i], "and have not begun anew")
    end
    cloud:expect(cloud:started() == started, "nothing was started for it")
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("100ms")
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "10s"))
  end,
}
