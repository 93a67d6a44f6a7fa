-- Idle hosts whose network loses segments and whose agents stand still, played by false_alarms.py, which sets the first
-- two numbers.
local loss = 20000 -- in a million
local stalls = 1 -- every second, of one drawn host for 5 s
local cupola = require "cupola"

return cupola.scenario {
  title = "Sixty idle hosts under loss and stalls: who is taken for dead?",
  cloud = { zones = 2, deas = 60, check_interval = "10s" },
  always = { cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait("10s")
    cloud:fault("loss", { target = "all", peer = "all", amount = loss })
    for _ = 1, 600 do
      for _ = 1, stalls do
        cloud:pick(cloud.deas, "who stalls"):pause("5s")
      end
      cloud:wait("1s")
    end
    local state = cloud.health_managers[1]:state()
    cloud:count("suspected", state.hosts_ever_suspect)
    cloud:count("taken for dead", state.hosts_ever_lost)
  end,
}
