local cupola = require "cupola"

return cupola.scenario {
  title = "A DEA process is killed and comes back: it finds its instances again, none restarts, no request fails",
  cloud = { routers = 2, deas = 3, restart_delay = "100ms" },
  apps = { shop = { instances = 6 }, blog = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local before = {}
    for _, instance in ipairs(cloud:instances()) do
      before[instance.instance] = true
    end
    local victim = cloud:pick(cloud.deas)
    local began = cloud:now()
    victim:kill()
    cloud:wait_until(function()
      return victim:is_running(), "the DEA is not back"
    end, "10s")
    cloud:wait_until(cupola.converged, "20s")
    cloud:record("time to recovery", cloud:now() - began)
    cloud:wait("40s")
    cloud:wait_until(cupola.converged, "1s")
    for _, instance in ipairs(cloud:instances()) do
      cloud:expect(before[instance.instance], "the same instances as before; " .. instance.instance .. " is new")
    end
  end,
}
