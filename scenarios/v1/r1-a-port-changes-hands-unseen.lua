local cupola = require "cupola"

-- DEAs let a port rest for longer than a stale route lives. Here they do not, and the routers hear neither the goodbye of
-- the former owner nor the table that they ask for: all they see is that somebody else registers the address.
return cupola.scenario {
  title = "A port goes from one app to the next without the routers hearing of its end: no request reaches the wrong app",
  row = "R1",
  weakness = "host:port is all that a route is: whoever has the port gets the requests",
  tripped_by = { mutation = "ROUTER_TRUSTS_ADDRESSES" },
  cloud = { deas = 1, routers = 2, dea_config = { first_port = 40000, last_port = 40003, port_quarantine_ms = 0 } },
  apps = { shop = { instances = 3 } },
  always = { cupola.memory_within_limits },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "30s")
    local deaf = {
      cloud:fault("message_loss", { target = "router", subject = "router.unregister", amount = 1000000 }),
      cloud:fault("message_loss", { target = "router", subject = "_INBOX.>", amount = 1000000 }),
    }
    cloud:stop("shop"):wait "20s"
    cloud:wait_until(function() return #cloud:instances "shop" == 0 end, "30s")
    cloud:push("blog", { instances = 3 }):wait "30s"
    cloud:wait_until(function() return cloud:serving "blog" == 3 end, "30s")
    for _ = 1, 10 do
      for _, router in ipairs(cloud.routers) do
        local client = cloud:raw_client {
          to = router,
          bytes = "GET / HTTP/1.1\r\nHost: shop.cupola.test\r\nConnection: close\r\n\r\n",
        }
        cloud:wait_until(function() return not client:is_open() end, "10s")
        cloud:expect(client:received():find "^HTTP/1.1 50[23]", "shop is stopped: " .. client:received())
      end
    end
    for _, loss in ipairs(deaf) do
      loss:mend()
    end
    cloud:wait_until(cupola.converged, "60s")
  end,
}
