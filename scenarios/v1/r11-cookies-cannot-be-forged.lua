local cupola = require "cupola"

local function ask(cloud, path, cookie)
  local client = cloud:raw_client {
    bytes = "GET " .. path .. " HTTP/1.1\r\nHost: shop.cupola.test\r\nConnection: close\r\n"
      .. (cookie and "Cookie: a=b; __VCAP_ID__=" .. cookie .. "; c=d\r\n" or "") .. "\r\n",
  }
  cloud:wait_until(function() return not client:is_open() end, "5s")
  local answer = client:received()
  cloud:expect(answer:find "^HTTP/1.1 200" and answer:find "app=shop ", "the app answers: " .. answer:sub(1, 100))
  return answer:match "instance=(%x+)", answer:match "__VCAP_ID__=(%x+)"
end

-- How many of the app's instances answer twenty requests with that cookie.
local function reached(cloud, cookie)
  local seen, count = {}, 0
  for _ = 1, 20 do
    local instance = ask(cloud, "/", cookie)
    count = count + (seen[instance] and 0 or 1)
    seen[instance] = true
  end
  return count
end

return cupola.scenario {
  title = "A session stays with its instance by a cookie; cookies that the routers have not made mean nothing",
  row = "R11",
  weakness = "the cookie is a marshalled object under a key that everybody knows: what it holds is run by the router",
  tripped_by = { mutation = "ROUTER_NAMES_INSTANCES_IN_COOKIES" },
  cloud = { deas = 3, routers = 2, router_config = { session_key = "the key of both" } },
  apps = { shop = { instances = 6 } },
  always = { cupola.never_misrouted },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    cloud:expect(reached(cloud, nil) > 1, "without a cookie all instances are asked")
    local instance, cookie = ask(cloud, "/session")
    cloud:expect(cookie and #cookie == 32, "a session gets a cookie")
    for _ = 1, 10 do
      cloud:expect(ask(cloud, "/", cookie) == instance, "the session stays where it began")
    end
    local last = cookie:sub(-1) == "0" and "1" or "0"
    local forged = {
      cookie:sub(1, 31) .. last,
      instance, -- The instance's own name, which every app knows of itself.
      ("0"):rep(32),
      "BAhbCCIPMTAuMC4wLjE6ODAiBmE%3D", -- An array, marshalled as v1 did.
      ("f"):rep(4096),
      "%00%ff%0d%0a",
      "",
    }
    for _, one in ipairs(forged) do
      cloud:expect(reached(cloud, one) > 1, ("%.40s leads to one instance"):format(one))
    end
  end,
}
