local cupola = require "cupola"

return cupola.scenario {
  title = "Bus, controllers and health managers are gone for a day: routes stay, what crashes is restarted by its DEA, and afterwards nothing is there twice",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 4, check_interval = "10s" },
  apps = { shop = { instances = 8 }, blog = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 1 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("15s")
    local outages = {}
    for _, list in ipairs { cloud.bus, cloud.controllers, cloud.health_managers } do
      for _, component in ipairs(list) do
        outages[#outages + 1] = component:keep_down()
      end
    end
    cloud:wait("10s")
    local started = cloud:started()
    local began = cloud:now()
    for hour = 1, 24 do
      cloud:wait(("%ds"):format(cloud:draw(0, 3500)))
      cloud:pick(cloud:instances()):kill()
      cloud:wait("1ms")
      cloud:record("time until a crashed one serves again", cloud:wait_until(function()
        local count = cloud:serving("shop") + cloud:serving("blog")
        return count == 10, ("%d of 10 serve"):format(count)
      end, "5s"))
      cloud:wait(hour * cupola.duration("1h") - (cloud:now() - began))
    end
    for _, outage in ipairs(outages) do
      outage:mend()
    end
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "120s"))
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "1s")
    cloud:expect(cloud:started() - started == 24, ("24 were killed, %d were started"):format(cloud:started() - started))
  end,
}
