local cupola = require "cupola"

return cupola.scenario {
  title = "A gateway that was started anew knows nothing of what it shall unbind and delete: it is told, and does it then",
  row = "S3",
  weakness = "a gateway has its handles in memory and reads them once a minute: an unbind right after its restart fails, and the binding stays",
  tripped_by = { mutation = "CC_BELIEVES_THE_FORGETFUL" },
  cloud = {
    deas = 2, controllers = 2, gateways = 1,
    -- As in July 2011: after a restart it asks for the handles, and if nobody answers, again in a minute.
    gateway_config = { remembers = false, retry_ms = 60000, reap_ms = 0 },
  },
  apps = { shop = { instances = 2 } },
  always = { cupola.no_lost_app, cupola.never_misrouted, cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    cloud:wait("65s") -- It may have come up before the controllers.
    for _, name in ipairs { "cache", "queue" } do
      cloud:create_service("redis", name):wait()
      cloud:bind_service(name, "shop"):wait()
    end
    cloud:wait_until(cupola.services_are_right, "30s")
    -- All of them at once: when the gateway is back nobody is there to ask.
    for _, controller in ipairs(cloud.controllers) do
      controller:keep_down("8s")
    end
    cloud.gateways[1]:kill()
    cloud:wait("10s")
    cloud:unbind_service("cache", "shop"):wait()
    if cloud:draw(0, 1, "deletes") == 1 then
      cloud:delete_service("queue"):wait()
    end
    cloud:record("until nothing is left over", cloud:wait_until(cupola.services_are_right, "120s"))
    cloud:wait_until(cupola.converged, "60s")
  end,
}
