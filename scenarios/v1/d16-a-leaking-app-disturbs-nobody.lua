local cupola = require "cupola"

return cupola.scenario {
  title = "An app leaks memory on a full host: its instances end at their limit, its neighbours notice nothing",
  row = "D16",
  weakness = "no isolation by default: memory is looked at every two seconds, and only in secure mode",
  tripped_by = { mutation = "DEA_SETS_NO_LIMITS" },
  cloud = { deas = 2, dea_memory = "1G" },
  apps = {
    leaky = { instances = 2, memory = "128M", memory_used = "32M", memory_growth = "24M" },
    quiet = { instances = 4, memory = "128M" },
  },
  load = { { host = "quiet.cupola.test", rate = 50 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits,
    cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(function()
      return #cloud:instances("leaky") == 2 and cloud:serving("quiet") == 4, "not all are there yet"
    end, "60s")
    cloud:wait_until(cupola.app_converged "quiet", "60s")
    local started = cloud:started()
    cloud:wait("40s")
    cloud:wait_until(cupola.app_converged "quiet", "1s")
    cloud:expect(cloud:started() > started, "the leaky one was ended and tried again")
  end,
}
