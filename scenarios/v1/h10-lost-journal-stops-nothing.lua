local cupola = require "cupola"

return cupola.scenario {
  row = "H10",
  weakness = "what the database does not know for two minutes is stopped: a bad restore empties the platform",
  title = "The store of the controllers loses all that it ever promised to keep: what runs goes on, and the health manager says why it does not stop it",
  cloud = { deas = 3, controllers = 1, health_managers = 2, restart_delay = "3s",
    health_manager_config = { unknown_app_ms = 10000, desired_poll_ms = 5000 } },
  apps = { shop = { instances = 12, memory = "64M" }, blog = { instances = 6, memory = "64M" } },
  always = { cupola.memory_within_limits },
  tripped_by = { setting = { health_manager_config = { unknown_stop_percent = 100 } } },

  run = function(cloud)
    cloud:fault("disk_lying_sync", { target = "journal" })
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("3s")
    cloud.controllers[1]:kill()
    cloud:fault("power_off", { target = "journal", duration = "2s" })
    cloud:wait("70s")
    cloud:expect(#cloud:instances("shop") == 12 and #cloud:instances("blog") == 6, "everything still runs")
    local said = false
    for _, manager in ipairs(cloud.health_managers) do
      said = said or #manager:state().brakes > 0
    end
    cloud:expect(said, "a health manager says why it holds back")
  end,
}
