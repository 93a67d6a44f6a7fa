local cupola = require "cupola"

-- Every text that a component shows of itself.
local function texts(value, found)
  if type(value) == "string" then
    found[#found + 1] = value
  elseif type(value) == "table" then
    for name, part in pairs(value) do
      texts(name, found)
      texts(part, found)
    end
  end
  return found
end

return cupola.scenario {
  row = "H13",
  weakness = "the health manager told the addresses of all users to everybody who could read its /varz",
  title = "What a health manager shows of itself names nobody: not who owns an app, not even which apps there are",
  cloud = { deas = 2, health_managers = 2 },
  apps = { shop = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_NAMES_APPS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("3s")
    for _, manager in ipairs(cloud.health_managers) do
      for _, text in ipairs(texts(manager:state(), {})) do
        cloud:expect(not text:find("@", 1, true) and not text:find("shop", 1, true), "nobody is named, found " .. text)
      end
    end
  end,
}
