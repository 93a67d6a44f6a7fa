local cupola = require "cupola"

local connect = 'CONNECT {"verbose":false,"user":"dea","pass":"the bus password of a simulated cloud"}\r\n'

local function publish(subject, payload)
  return ("PUB %s %d\r\n%s\r\n"):format(subject, #payload, payload)
end

return cupola.scenario {
  title = "Somebody with the rights of a DEA says nonsense of every kind on the bus: nobody ends, no route changes",
  row = "R12",
  weakness = "a return inside of a block that handles a malformed register raises in the router's loop",
  tripped_by = { mutation = "BUS_CLIENT_ENDS_ON_NONSENSE" },
  cloud = { deas = 3, routers = 2 },
  apps = { shop = { instances = 4 } },
  load = { { host = "shop.cupola.test", rate = 50, from = "5s" } },
  always = { cupola.never_misrouted, cupola.no_failed_request, cupola.no_lost_app },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    local listeners = {}
    for _, list in ipairs { cloud.routers, cloud.controllers, cloud.health_managers } do
      for _, component in ipairs(list) do
        listeners[#listeners + 1] = component
      end
    end
    local nonsense = {
      "", "{", "}", "null", "[]", "17", '"text"', "{}", '{"host":null}', '{"host":"10.0.0.9"}', '{"port":80}',
      '{"host":"10.0.0.9","port":"eighty","uris":["shop.cupola.test"]}',
      '{"host":"10.0.0.9","port":-1,"uris":["shop.cupola.test"]}',
      '{"host":"10.0.0.9","port":99999999999999999999,"uris":["shop.cupola.test"]}',
      '{"host":"not an address","port":80,"uris":["shop.cupola.test"]}',
      '{"host":"10.0.0.9","port":80,"uris":"shop.cupola.test"}', '{"host":"10.0.0.9","port":80,"uris":[null,{},[]]}',
      '{"host":"' .. ("x"):rep(100000) .. '","port":80,"uris":["shop.cupola.test"]}',
      ("["):rep(10000), ("{\"a\":"):rep(2000) .. "1" .. ("}"):rep(2000), "\0\1\2\3\255\254", '{"host":"\xff\xfe"}',
    }
    local client = cloud:raw_client { to = cloud.bus[1], bytes = connect .. "PING\r\n" }
    cloud:wait "1s"
    cloud:expect(client:received():find "PONG", "the bus lets it in")
    for _, subject in ipairs { "router.register", "router.unregister", "dea.heartbeat", "dea.start", "droplet.exited" } do
      for _, payload in ipairs(nonsense) do
        client:send(publish(subject, payload))
      end
      cloud:wait "500ms"
      for _, component in ipairs(listeners) do
        cloud:expect(component:is_running(), component.name .. " has ended over " .. subject)
      end
    end
    cloud:wait "10s"
    cloud:expect(client:is_open(), "the bus has borne it")
    cloud:expect(cloud:serving "shop" == 4, "all routers know all instances")
    cloud:wait_until(cupola.converged, "30s")
  end,
}
