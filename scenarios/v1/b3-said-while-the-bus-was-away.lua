local cupola = require "cupola"

local hears = 'CONNECT {"verbose":false,"user":"router","pass":"the bus password of a simulated cloud"}\r\n'
  .. "SUB router.unregister 1\r\nPING\r\n"

-- Somebody who hears what is said on the bus from its first moments on.
local function listen(cloud)
  for _ = 1, 40 do
    local client = cloud:raw_client { to = cloud.bus[1], bytes = hears }
    cloud:wait("50ms")
    if client:is_open() and client:received():find("PONG", 1, true) then
      return client
    end
  end
end

return cupola.scenario {
  row = "B3",
  weakness = "a client that has lost its server takes itself for connected: what it publishes vanishes, exits, stops and routes among it",
  title = "A route ends and an address is added while the bus is gone: both are told when the bus is back",
  cloud = { routers = 2, controllers = 1, health_managers = 2, deas = 3 },
  apps = { shop = { instances = 4 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },
  tripped_by = { mutation = "BUS_CLIENT_LOSES_PUBLICATIONS" },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local outage = cloud.bus[1]:keep_down()
    cloud:wait("1s")
    cloud:map("shop", "store.cupola.test"):wait("30s")
    local victim = cloud:pick(cloud:instances("shop"))
    victim:kill()
    cloud:wait("1s")
    outage:mend()
    local listener = listen(cloud)
    cloud:expect(listener, "the bus is back")
    -- All have tried again after two seconds; what was said before the last was back is then said once more.
    cloud:record("time to be heard", cloud:wait_until(function()
      return listener:received():find(victim.instance, 1, true) ~= nil, "nobody has told of the end of its route"
    end, "6s"))
    cloud:wait_until(cupola.converged, "10s")
    cloud:expect(#cloud.routers[1]:state().routes >= 8, "both addresses of all four")
  end,
}
