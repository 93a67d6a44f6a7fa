local cupola = require "cupola"

return cupola.scenario {
  title = "A client claims to be another, by every header that routers set: the app is told its own address",
  row = "R10",
  weakness = "X-Real_IP is believed from anybody: whoever wants is counted, and let in, as somebody else",
  tripped_by = { setting = { router_config = { trusted_peers = { "0.0.0.0/0" } } } },
  cloud = { deas = 2, routers = 2 },
  apps = { shop = { instances = 2 } },
  always = { cupola.never_misrouted },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    local names = {
      "X-Real_IP", "X-Real-IP", "X-Forwarded-For", "x-forwarded-for", "X-Forwarded-Proto", "X-Forwarded-Host",
      "X-Forwarded-Client-Cert", "Forwarded", "X-Vcap-Request-Id", "X-Cf-ApplicationId", "X-Cf-InstanceId",
      "X-Cf-InstanceIndex",
    }
    local head = "GET /echo HTTP/1.1\r\nHost: shop.cupola.test\r\nConnection: close\r\n"
    for _, name in ipairs(names) do
      head = head .. name .. ": for=6.6.6.6\r\n"
    end
    for _ = 1, 10 do
      local client = cloud:raw_client { bytes = head .. "\r\n" }
      cloud:wait_until(function() return not client:is_open() end, "5s")
      local seen = client:received()
      cloud:expect(seen:find("^HTTP/1.1 200") and seen:find "GET /echo", "the app answers: " .. seen)
      cloud:expect(not seen:find("6.6.6.6", 1, true), "an app was told: " .. seen)
      cloud:expect(seen:find "X%-Forwarded%-For: %d", "the app is told who asks")
    end
  end,
}
