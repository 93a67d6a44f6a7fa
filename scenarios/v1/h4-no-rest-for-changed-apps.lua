local cupola = require "cupola"

-- Each time another one: who crashes for the fourth time in a row is given a rest, and that is right.
local function one_with_index(cloud, index)
  for _, instance in ipairs(cloud:instances "shop") do
    if instance.index == index then
      return instance
    end
  end
end

return cupola.scenario {
  row = "H4",
  weakness = "an app that changed in the last minute is skipped: who scales often hides what is missing",
  title = "An app is scaled every few seconds and loses an instance each time: each is replaced at once",
  cloud = { deas = 4 },
  apps = { shop = { instances = 4, boot = "200ms" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_SKIPS_CHANGED_APPS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for i = 1, 6 do
      cloud:scale("shop", 4 + i % 2):wait("20s")
      cloud:wait_until(cupola.converged, "10s")
      one_with_index(cloud, i % 4):kill()
      cloud:wait_until(function()
        return cloud:serving("shop") < 4 + i % 2, "nobody has noticed"
      end, "2s")
      cloud:record("time to recovery", cloud:wait_until(cupola.converged, "4s"))
      cloud:wait("2s")
    end
  end,
}
