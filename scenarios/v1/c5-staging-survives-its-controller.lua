local cupola = require "cupola"

return cupola.scenario {
  title = "The controller that stages an app dies over it for good: the app is staged and runs all the same",
  row = "C5",
  weakness = "the queue of stagings is in memory and the app stays PENDING when the controller has been restarted",
  tripped_by = { setting = { controller_config = { stage_takeover_ms = 3600000 } } },
  cloud = { deas = 3, routers = 2, controllers = 3, staging = cupola.constant "8s",
            controller_config = { stage_takeover_ms = 20000 } },
  apps = { shop = { instances = 3, pushed = false } },
  always = { cupola.no_lost_app, cupola.never_misrouted },

  run = function(cloud)
    cloud:wait_until(cupola.operators_idle, "20s")
    cloud:push("shop", { instances = 3 })
    cloud:wait "4s"
    -- Whichever of them it is: two of three die for good, the third heals.
    local spared = cloud:pick(cloud.controllers, "who lives")
    for _, controller in ipairs(cloud.controllers) do
      if controller ~= spared then
        controller:keep_down()
      end
    end
    cloud:record("until it runs", cloud:wait_until(function()
      return cloud:serving "shop" == 3, "not all instances serve"
    end, "90s"))
  end,
}
