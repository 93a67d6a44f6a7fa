local cupola = require "cupola"

return cupola.scenario {
  title = "Two percent of all segments are lost and agents stand still for five seconds, again and again: no host is taken for dead, nothing is started twice",
  cloud = { zones = 2, routers = 2, controllers = 2, health_managers = 2, deas = 40, dea_memory = "4G" },
  apps = { shop = { instances = 40, memory = "64M" } },
  always = { cupola.never_misrouted, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_LOSES_STALLED_HOSTS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "120s")
    cloud:fault("loss", { target = "all", peer = "all", amount = 20000 })
    cloud:wait("3s")
    local started = cloud:started()
    for _ = 1, 20 do
      cloud:pick(cloud.deas, "who stalls"):pause("5s")
      cloud:wait(("%dms"):format(cloud:draw(500, 5500)))
    end
    cloud:wait("6s")
    local suspected, stalled = 0, 0
    for _, manager in ipairs(cloud.health_managers) do
      local state = manager:state()
      cloud:expect(state.hosts_ever_lost == 0, "nobody is taken for dead")
      suspected = math.max(suspected, state.hosts_ever_suspect)
    end
    cloud:count("hosts that were suspect", suspected)
    cloud:expect(cloud:started() == started, "nothing was started anew")
    cloud:wait_until(cupola.converged, "30s")
  end,
}
