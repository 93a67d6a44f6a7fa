local cupola = require "cupola"

return cupola.scenario {
  row = "C4",
  weakness = "an update stopped what worked before it knew that the new version works",
  tripped_by = { mutation = "CC_UPDATES_AT_ONCE" },
  title = "A version that crashes after its start never takes over: the old one goes on serving, and the push says why",
  cloud = { routers = 2, controllers = 2, deas = 5 },
  apps = { shop = { instances = 8, memory = "64M", boot = cupola.uniform("200ms", "1s") } },
  load = { { host = "shop.cupola.test", rate = 100 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local push = cloud:push("shop", { instances = 8, memory = "64M", boot = "300ms", exit_after_boot = "700ms" })
    local done, why = pcall(push.wait, push, "600s")
    cloud:expect(not done and tostring(why):find("did not hold", 1, true), "the push fails, and says why")
    cloud:wait_until(cupola.converged, "60s")
    cloud:expect(cloud:serving("shop") == 8, "eight old instances serve")
    local counts = cloud:requests("shop.cupola.test")
    -- The canary takes its share for the moments that it lives.
    cloud:expect(counts.failed * 50 <= counts.sent, ("%d of %d requests failed"):format(counts.failed, counts.sent))
  end,
}
