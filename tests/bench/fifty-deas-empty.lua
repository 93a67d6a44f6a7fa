local cupola = require "cupola"

return cupola.scenario {
  title = "Fifty DEAs on which nothing runs",
  cloud = { zones = 2, routers = 2, deas = 50 },
  always = { cupola.never_misrouted, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.all_up, "60s")
    cloud:wait("2h")
  end,
}
