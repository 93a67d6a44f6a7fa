local cupola = require "cupola"

local apps = {}
for i = 1, 10 do
  apps[("app%02d"):format(i)] = { instances = 20, memory = "64M", boot = "200ms" }
end
apps.zero = { instances = 1, memory = "64M", boot = "200ms" }

return cupola.scenario {
  row = "H11",
  weakness = "starts go out first come, first served and without a limit: the loss of hosts is followed by a herd, and who lost everything waits behind who lost little",
  title = "When half of the hosts die starts are rationed, and the app of which nothing is left comes first",
  cloud = { deas = 8, dea_memory = "8G", health_managers = 2,
    health_manager_config = { starts_per_s = 10, starts_burst = 10, meltdown_percent = 100 } },
  apps = apps,
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.memory_within_limits },
  tripped_by = { mutation = "HM_FIRST_COME" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "120s")
    cloud:wait("8s")
    local started = cloud:started()
    local home = cloud:instances("zero")[1].dea
    local dead = 0
    for _, dea in ipairs(cloud.deas) do
      if dea.name == home or dead < 3 then
        dead = dead + (dea.name == home and 0 or 1)
        dea.host:power_off()
      end
    end
    cloud:wait("2s")
    cloud:record("time until the app with nothing runs", cloud:wait_until(function()
      return cloud:serving("zero") == 1, "it does not serve"
    end, "2s"))
    cloud:expect(cloud:started() - started <= 40, "starts are rationed")
    cloud:record("time to recovery", cloud:wait_until(function()
      return cloud:serving("app01") == 20 and cloud:serving("app10") == 20, "some are missing"
    end, "60s"))
  end,
}
