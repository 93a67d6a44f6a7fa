local cupola = require "cupola"

local clients = 100

return cupola.scenario {
  title = "A hundred clients send their headers a byte every two seconds: none of them is waited for, nobody else notices",
  row = "R8",
  weakness = "only a minute of complete silence ends a connection: a byte every 59 s each takes all file descriptors",
  tripped_by = { setting = { router_config = { header_timeout_ms = 600000 } } },
  cloud = { deas = 2, routers = 1, router_config = { max_connections = clients + 50 } },
  apps = { shop = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 20, from = "5s" } },
  always = { cupola.never_misrouted, cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    local slow = {}
    for i = 1, clients do
      slow[i] = cloud:raw_client {
        bytes = "GET / HTTP/1.1\r\nHost: shop.cupola.test\r\nX-Padding: " .. ("x"):rep(1000) .. "\r\n\r\n",
        chunk = 1,
        every = "2s",
      }
    end
    local headers = cloud:now()
    cloud:wait_until(function()
      for _, one in ipairs(slow) do
        if one:is_open() then
          return false, "some are still waited for"
        end
      end
      return true
    end, "20s")
    cloud:record("patience with headers", cloud:now() - headers)

    -- A body may take its time, but not for ever either.
    local bodies = {}
    for i = 1, clients do
      bodies[i] = cloud:raw_client {
        bytes = "POST / HTTP/1.1\r\nHost: shop.cupola.test\r\nContent-Length: 100000\r\n\r\n",
      }
      bodies[i]:send(("x"):rep(100))
    end
    cloud:wait "90s"
    for _, one in ipairs(bodies) do
      cloud:expect(not one:is_open(), "a body that stops coming is not waited for")
    end
  end,
}
