local cupola = require "cupola"

return cupola.scenario {
  title = "Gateways answer later than anybody waits: what they make all the same is found and deleted",
  row = "S1",
  weakness = "provision and bind time out after 2 s; what is made later stays at the gateway and nobody owns it",
  tripped_by = { setting = { controller_config = { gateway_timeout_ms = 2000 } } },
  cloud = {
    deas = 2, controllers = 2, gateways = 1,
    controller_config = { gateway_wait_ms = 2000, gateway_timeout_ms = 60000, leftover_retry_ms = 1000 },
    -- It never looks for what nobody owns, as in July 2011.
    gateway_config = { answer_least_ms = 500, answer_most_ms = 4500, reap_ms = 0 },
  },
  apps = { shop = { instances = 2 } },
  always = { cupola.no_lost_app, cupola.never_misrouted },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local late = 0
    local function try(command)
      if not pcall(command.wait, command, "60s") then
        late = late + 1
      end
    end
    for round = 1, 8 do
      local name = "cache-" .. round
      try(cloud:create_service("redis", name))
      try(cloud:bind_service(name, "shop"))
      if round % 2 == 0 then
        try(cloud:delete_service(name))
      end
    end
    cloud:count("too late", late)
    cloud:record("until nothing is left over", cloud:wait_until(cupola.services_are_right, "120s"))
    cloud:wait_until(cupola.converged, "60s")
  end,
}
