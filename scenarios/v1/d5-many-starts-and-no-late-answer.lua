local cupola = require "cupola"

return cupola.scenario {
  title = "A DEA starts 128 instances at once from a slow disk: no health manager waits for its answer",
  row = "D5",
  weakness = "a probe, tar, chown and ps block the loop of the agent: its heartbeats are late, and a busy host is taken for a dead one",
  tripped_by = { mutation = "DEA_WAITS_FOR_STARTS" },
  cloud = { deas = 1, health_managers = 2, dea_memory = "32G", controller_config = { max_memory_mb = 1000000 } },
  apps = { shop = { instances = 128, memory = "64M", pushed = false, boot = "2s" } },
  always = { cupola.never_misrouted, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.all_up, "30s")
    cloud:wait "5s"
    local slow = cloud:fault("disk_slow", { target = cloud.deas[1], delay = cupola.uniform("1s", "3s") })
    cloud:push("shop", { instances = 128, memory = "64M", boot = "2s" })
    cloud:record("time until all run", cloud:wait_until(function(at)
      return at:serving "shop" == 128, ("%d of 128 serve"):format(at:serving "shop")
    end, "120s"))
    slow:mend()
    for _, health_manager in ipairs(cloud.health_managers) do
      local looks = health_manager:state().hosts_ever_suspect
      cloud:expect(looks == 0, ("%s waited %d times for an answer of the DEA"):format(health_manager.name, looks))
    end
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait "5s"
  end,
}
