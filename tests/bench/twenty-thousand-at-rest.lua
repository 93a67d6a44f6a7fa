local cupola = require "cupola"

-- Row 18 of the targets: what the bus carries when nothing happens. v1 with this cloud: 10 routers ask 20,000 instances
-- every 30 s, 6,667 messages a second published and 66,667 delivered.
local apps = {}
for i = 1, 40 do
  apps["app" .. i] = { instances = 500, memory = "64M" }
end

return cupola.scenario {
  title = "20,000 instances on 100 hosts and 10 routers at rest: messages a second on the bus",
  cloud = {
    deas = 100,
    routers = 10,
    dea_memory = "16G",
    dea_config = { first_port = 40000, last_port = 49999 },
    controller_config = { max_apps = 100, max_memory_mb = 2000000, max_instances = 1024 },
    check_interval = "10s",
  },
  apps = apps,

  run = function(cloud)
    cloud:wait_until(cupola.converged, "600s")
    cloud:wait "10s"
    local state = cloud.bus[1]:state()
    local published, delivered = state.in_msgs, state.out_msgs
    cloud:wait "60s"
    state = cloud.bus[1]:state()
    cloud:count("messages a second", (state.in_msgs - published) // 60)
    cloud:count("deliveries a second", (state.out_msgs - delivered) // 60)
    cloud:expect((state.in_msgs - published) // 60 <= 50, "at most 50 messages a second")
  end,
}
