local cupola = require "cupola"

local function call(cloud, line, token, body)
  local client = cloud:raw_client {
    to = cloud.controllers[1],
    bytes = line .. " HTTP/1.1\r\nHost: api.cupola.test\r\nConnection: close\r\n"
      .. (token and "Authorization: " .. token .. "\r\n" or "")
      .. (body and "Content-Length: " .. #body .. "\r\n" or "") .. "\r\n" .. (body or ""),
  }
  local took = cloud:wait_until(function() return not client:is_open() end, "30s")
  local answer = client:received()
  cloud:expect(answer:find "^HTTP/1.1 200", line .. " is answered by " .. answer:sub(1, 200))
  return took, answer
end

-- Whom one does not hear from is told of as it was heard last, with its age. While something is unknown altogether, the
-- wait is still short: find_timeout_ms for DEAs, health_timeout_ms for health managers.
return cupola.scenario {
  title = "A DEA is silent and no health manager runs: what people ask about their app is still answered within 50 ms",
  row = "C3",
  weakness = "all DEAs are asked and waited for 2 s, then the health manager for 2 s more: slow exactly when something is wrong",
  tripped_by = { mutation = "CC_AWAITS_THE_SILENT" },
  cloud = { deas = 4, routers = 1 },
  apps = { shop = { instances = 8 } },
  always = { cupola.no_lost_app, cupola.never_misrouted },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    local _, answer = call(cloud, "POST /users/operator@cupola.test/tokens", nil, '{"password":"a simulated secret"}')
    local token = answer:match '"token":"(%x+)"'
    local paths = { "/apps", "/apps/shop", "/apps/shop/instances", "/apps/shop/stats", "/apps/shop/crashes" }
    local function ask(name, bound)
      for _, path in ipairs(paths) do
        for _ = 1, 5 do
          local took = call(cloud, "GET " .. path, token)
          cloud:record(name .. ": " .. path, took)
          cloud:expect(took < cupola.duration(bound), ("%s took %s"):format(path, cupola.show(took)))
        end
      end
    end
    ask("all is well", "50ms")
    cloud:pick(cloud.deas):pause "40s"
    ask("a DEA is silent", "50ms")
    cloud.health_managers[1]:keep_down "30s"
    ask("no health manager", "50ms")
  end,
}
