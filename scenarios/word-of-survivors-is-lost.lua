local cupola = require "cupola"

return cupola.scenario {
  title = "Agents are restarted, and what they tell of their survivors is lost or late: they are asked, and nothing is started anew",
  tripped_by = { mutation = "HM_MISSES_SURVIVORS" },
  cloud = { routers = 2, controllers = 2, health_managers = 2, deas = 3, restart_delay = "200ms" },
  apps = { shop = { instances = 6 }, blog = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("5s")
    local started = cloud:started()
    for round = 1, 4 do
      local kind = round % 2 == 0 and "message_loss" or "message_delay"
      local fault = cloud:fault(kind, { target = "health_manager", subject = "dea.heartbeat", amount = 500000,
        delay = cupola.uniform("1s", "3s") })
      cloud:pick(cloud.deas):kill()
      cloud:wait(("%dms"):format(cloud:draw(3000, 6000)))
      fault:mend()
      cloud:record("time to agreement", cloud:wait_until(cupola.converged, "20s"))
      cloud:wait("2s")
    end
    cloud:expect(cloud:started() == started, "nothing is started anew")
  end,
}
