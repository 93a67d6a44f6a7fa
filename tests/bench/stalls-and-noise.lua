-- How often is a living host taken for dead? `./dev bench targets 2` counts it here, with 2 % of all segments lost.
--
-- A host that stands still for 5 s each minute is looked at 1,440 times a day, and only then can it be taken for dead. So
-- it is looks that count: hosts stand still in turn, no longer than it takes to look, and no minute passes in between.
-- Meanwhile clocks are set, and programs pause as for collecting garbage, the health manager among them.
local cupola = require "cupola"

local rounds <const>, turns <const>, loss <const> = 1500, 12, 20000

return cupola.scenario {
  title = "Two percent of all segments are lost, and of sixty hosts one after another stands still: who is taken for dead?",
  cloud = { zones = 2, deas = 60, check_interval = "10s", clock_offset_most = "120s" },
  always = { cupola.memory_within_limits },

  run = function(cloud)
    local manager = cloud.health_managers[1]
    local turn = {}
    for i, dea in ipairs(cloud.deas) do
      local at = (i - 1) % turns + 1
      turn[at] = turn[at] or {}
      table.insert(turn[at], dea)
    end
    cloud:wait("10s")
    cloud:fault("loss", { target = "all", peer = "all", amount = loss })
    for round = 1, rounds do
      cloud:fault("pause", { target = turn[round % turns + 1], duration = "1600ms" })
      if round % 5 == 0 then
        cloud:pick(cloud.deas, "who collects garbage"):pause(("%dms"):format(cloud:draw(20, 900, "garbage")))
      end
      if round % 25 == 0 then
        manager:pause(("%dms"):format(cloud:draw(20, 900, "garbage")))
        cloud:fault("clock_step", { target = cloud:pick({ manager, cloud.deas[round % 60 + 1] }, "whose clock"),
          amount = cloud:pick({ -1, 1 }, "back or forth") * cloud:draw(1, 300, "clock step") * 1000000000, duration = "5s" })
      end
      cloud:wait("400ms")
    end
    cloud:count("hosts that stood still", rounds * #cloud.deas // turns)
    cloud:count("suspected", manager:state().hosts_ever_suspect)
    cloud:count("taken for dead", manager:state().hosts_ever_lost)
  end,
}
