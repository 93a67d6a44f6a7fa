local cupola = require "cupola"

return cupola.scenario {
  row = "C9",
  weakness = "what crashed while the controllers were away stayed down: health managers asked those who were not there",
  tripped_by = { mutation = "HM_HIDES_ITS_HELPLESSNESS" },
  title = "Only the controllers are off, for an hour: DEAs hear from the health managers that nobody can order, and restart what crashes",
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 4, check_interval = "1s" },
  apps = { shop = { instances = 6 }, blog = { instances = 1 } },
  load = { { host = "shop.cupola.test", rate = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for _, manager in ipairs(cloud.health_managers) do -- Nor can who has heard a controller answer, but never beat.
      manager:restart()
    end
    cloud:wait(("%dms"):format(cloud:draw(100, 3000)))
    local outages = {}
    for _, controller in ipairs(cloud.controllers) do
      outages[#outages + 1] = controller:keep_down()
    end
    cloud:wait("30s")
    local started = cloud:started()
    for round = 1, 6 do
      if round == 4 then -- Who has never heard a controller cannot order either.
        for _, manager in ipairs(cloud.health_managers) do
          manager:restart()
        end
        cloud:wait("10s")
      end
      cloud:pick(cloud:instances()):kill()
      cloud:wait("1ms")
      cloud:record("time until a crashed one serves again", cloud:wait_until(function()
        local count = cloud:serving("shop") + cloud:serving("blog")
        return count == 7, ("%d of 7 serve"):format(count)
      end, "20s"))
      cloud:wait(("%ds"):format(cloud:draw(300, 600)))
    end
    for _, outage in ipairs(outages) do
      outage:mend()
    end
    cloud:record("time to agreement", cloud:wait_until(cupola.converged, "120s"))
    cloud:wait("60s")
    cloud:wait_until(cupola.converged, "1s")
    cloud:expect(cloud:started() - started == 6, ("6 were killed, %d were started"):format(cloud:started() - started))
  end,
}
