local cupola = require "cupola"

-- Row B10 is the same seen from the bus. v1 with this cloud: 10 routers x 60 instances in 30 s, 20 messages a second
-- published, 200 delivered.
local instances, routers, deas = 60, 10, 5

local function messages(cloud)
  return cloud.bus[1]:state().in_msgs
end

return cupola.scenario {
  title = "60 instances and 10 routers at rest: a few messages a second, and no burst when a router starts",
  row = "R15",
  weakness = "each router's router.start makes every DEA register every instance, twice a minute for ever",
  tripped_by = { mutation = "DEA_KNOWS_NO_TABLES" },
  cloud = { deas = deas, routers = routers, dea_memory = "64G", controller_config = { max_apps = 100, max_memory_mb = 1000000 } },
  apps = { shop = { instances = instances, memory = "64M" } },
  always = { cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "120s")
    cloud:wait "10s"
    local before = messages(cloud)
    cloud:wait "60s"
    local rate = (messages(cloud) - before) // 60
    cloud:count("messages a second", rate)
    cloud:expect(rate <= 5, ("%d messages a second"):format(rate))
    before = messages(cloud)
    cloud.routers[1]:kill()
    cloud:wait "4s"
    cloud:wait_until(cupola.converged, "10s")
    local burst = messages(cloud) - before
    cloud:count("messages for a new router", burst)
    cloud:expect(burst <= 10 * deas, ("%d messages for a new router"):format(burst))
  end,
}
