local cupola = require "cupola"

return cupola.scenario {
  row = "H1",
  weakness = "while the only health manager is down nobody misses a crashed instance",
  title = "The health manager that speaks dies together with an instance: the other one has heard of the crash, and asks for the start as soon as it speaks",
  cloud = { deas = 3, controllers = 2, health_managers = 3, restart_delay = "60s" },
  apps = { shop = { instances = 6, boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_FORGETS_THE_UNSAID" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local speakers = 0
    for _, manager in ipairs(cloud.health_managers) do
      if manager:state().speaks then
        speakers = speakers + 1
        manager:kill()
      end
    end
    cloud:expect(speakers == 1, "one of three speaks")
    cloud:wait(("%dms"):format(cloud:draw(0, 400)))
    cloud:pick(cloud:instances("shop")):kill()
    cloud:wait("100ms") -- Its DEA has noticed.
    cloud:record("time to recovery", cloud:wait_until(cupola.converged, "1900ms"))
  end,
}
