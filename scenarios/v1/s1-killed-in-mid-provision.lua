local cupola = require "cupola"

return cupola.scenario {
  title = "Controllers and gateways die in the midst of creating and binding: what is at the gateways afterwards is what the controllers know of",
  row = "S1",
  weakness = "a gateway never looks for instances that nobody owns: what was made while somebody died stays for ever",
  tripped_by = { setting = { gateway_config = { reap_ms = 0 } } },
  cloud = {
    deas = 2, controllers = 2, gateways = 2, restart_delay = "100ms",
    gateway_config = { offer_ms = 10000, reap_ms = 60000, makes_twice_permille = 50, fails_late_permille = 100,
                       never_answers_permille = 100 },
    controller_config = { gateway_wait_ms = 5000, gateway_timeout_ms = 30000 },
  },
  apps = { shop = { instances = 1 } },
  always = { cupola.no_lost_app, cupola.never_misrouted, cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 8 do
      local vendor = cloud:draw(0, 1, "vendor")
      local name = "service-" .. round
      local victim = cloud:draw(0, 1, "victim") == 0 and cloud:pick(cloud.controllers) or cloud.gateways[vendor + 1]
      cloud:fault("kill_at_effect", { target = victim, amount = cloud:draw(1, 25, "effect") })
      -- Each may fail; what counts is what is there afterwards.
      cloud:create_service(vendor == 0 and "redis" or "mysql", name)
      cloud:bind_service(name, "shop")
      cloud:wait_until(cupola.operators_idle, "120s")
    end
    cloud:mend_everything()
    cloud:record("until both sides agree", cloud:wait_until(cupola.services_are_right, "300s"))
    cloud:wait_until(cupola.converged, "60s")
  end,
}
