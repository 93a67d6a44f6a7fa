local cupola = require "cupola"

return cupola.scenario {
  row = "H6",
  weakness = "the opposite of no freshness: a picture that is never whole is never acted upon, for hours",
  title = "One agent stands still for minutes: its own instances are left alone for a while, those of all others are healed at once",
  cloud = { deas = 5, health_managers = 2 },
  apps = { shop = { instances = 10, boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_WAITS_FOR_ALL" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local stale = cloud:pick(cloud.deas)
    local pause = stale:pause()
    cloud:wait("3s")
    local started = cloud:started()
    local others = {}
    for _, instance in ipairs(cloud:instances("shop")) do
      if instance.dea ~= stale.name then
        others[#others + 1] = instance
      end
    end
    cloud:pick(others, "who dies"):kill()
    cloud:record("time until the replacement is started", cloud:wait_until(function()
      return cloud:started() == started + 1, "it was not started"
    end, "2s"))
    cloud:wait("15s")
    cloud:expect(cloud:started() == started + 1, "what the stopped agent watches is left alone")
    pause:mend()
    cloud:wait_until(cupola.converged, "20s")
  end,
}
