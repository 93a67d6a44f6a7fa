local cupola = require "cupola"

return cupola.scenario {
  title = "500 starts at once, 99 DEAs well filled and one just rebooted and empty: every DEA gets five",
  row = "D2",
  weakness = "the first answer wins and nothing is reserved: an empty DEA wins every auction of a burst",
  tripped_by = { mutation = "CC_ASKS_ONE_BY_ONE" },
  cloud = { deas = 100, dea_memory = "2G", check_interval = "1s" },
  apps = {
    filler = { instances = 99, memory = "1280M" },
    burst = { instances = 500, memory = "64M", pushed = false },
  },
  always = { cupola.never_misrouted, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.all_up, "30s")
    local empty = cloud:pick(cloud.deas)
    local down = empty:keep_down()
    cloud:wait_until(function()
      local count = cloud:serving("filler")
      return count >= 99, ("%d of 99 fillers"):format(count)
    end, "120s")
    down:mend()
    cloud:wait_until(cupola.converged, "60s")
    local push = cloud:push("burst", { instances = 500, memory = "64M" })
    push:wait("60s")
    cloud:record("time until all 500 run", cloud:wait_until(cupola.app_converged "burst", "60s"))
    local on = {}
    for _, instance in ipairs(cloud:instances("burst")) do
      on[instance.dea] = (on[instance.dea] or 0) + 1
    end
    for _, dea in ipairs(cloud.deas) do
      local count = on[dea.name] or 0
      cloud:expect(count >= 4 and count <= 6, ("%s has %d of the burst, its share is 5"):format(dea.name, count))
    end
    cloud:count("on the empty one", on[empty.name] or 0)
  end,
}
