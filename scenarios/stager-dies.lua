local cupola = require "cupola"

-- The DEA that stages for a controller, once there is one.
local function stager(cloud)
  for _, dea in ipairs(cloud.deas) do
    if dea:is_running() and (dea:state().stagings or 0) > 0 then
      return dea
    end
  end
end

return cupola.scenario {
  title = "Who stages dies in the middle, and then a controller: the app comes up all the same, in one version",
  cloud = { controllers = 2, deas = 5, staging = cupola.uniform("3s", "6s"), restart_delay = "3s", boot = "20s" },
  apps = {
    shop = { instances = 3 },
    blog = { instances = 2 },
  },
  load = { { host = "shop.cupola.test", rate = 20 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "CC_AWAITS_SILENT_STAGERS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "90s")
    local push = cloud:push("blog", { instances = 4, boot = cupola.uniform("200ms", "1s") })
    cloud:wait_until(function() return stager(cloud) ~= nil end, "30s")
    cloud:wait(cloud:draw(0, cupola.duration("2s"), "scenario.moment"))
    local began = cloud:now()
    local victim = stager(cloud)
    if victim ~= nil and cloud:draw(0, 1, "scenario.how") == 0 then
      victim:keep_down("60s")
    elseif victim ~= nil then
      cloud:fault("power_off", { target = victim.host, duration = "60s" })
    end
    cloud:wait(cloud:draw(0, cupola.duration("8s"), "scenario.then"))
    cloud:pick(cloud.controllers, "scenario.controller"):kill()
    push:wait("100s")
    cloud:record("staged and up", cloud:now() - began)
    cloud:wait_until(cupola.converged, "90s")
    local instances = cloud:instances("blog")
    for _, instance in ipairs(instances) do
      cloud:expect(instance.version == instances[1].version, "all instances are of one version")
    end
    for _, dea in ipairs(cloud.deas) do
      cloud:expect(not dea:is_running() or dea:state().stagings == 0, "nobody goes on staging")
    end
  end,
}
