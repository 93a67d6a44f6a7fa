local cupola = require "cupola"

return cupola.scenario {
  row = "B4",
  weakness = "neither side pings: a link that is gone is noticed after minutes, and what was stuck in it arrives when it is back",
  title = "The link between the DEAs and a bus server is gone for a minute: they move to another server, and what was stuck never arrives",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 3, bus_servers = 3 },
  apps = { shop = { instances = 6 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "BUS_NEVER_PINGS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local partitions = {}
    for _, bus in ipairs(cloud.bus) do
      -- The busiest loses them: somebody is connected there.
      if not partitions.bus or bus:state().connections > partitions.bus:state().connections then
        partitions.bus = bus
      end
    end
    for _, dea in ipairs(cloud.deas) do
      partitions[#partitions + 1] = dea.host:partition(partitions.bus.host)
    end
    for _, router in ipairs(cloud.routers) do
      partitions[#partitions + 1] = router.host:partition(partitions.bus.host)
    end
    cloud:wait("20s") -- Three pings, five seconds apart, and the next server.
    cloud:pick(cloud:instances("shop")):kill()
    cloud:scale("shop", 8)
    cloud:wait("200ms")
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "10s"))
    local started = cloud:started()
    cloud:wait("30s")
    for _, partition in ipairs(partitions) do
      partition:mend()
    end
    cloud:wait("20s")
    cloud:wait_until(cupola.converged, "1s")
    cloud:expect(cloud:started() == started, "nothing old was heard")
    for _, dea in ipairs(cloud.deas) do
      cloud:expect(dea:state().connected, "every DEA has a bus")
    end
  end,
}
