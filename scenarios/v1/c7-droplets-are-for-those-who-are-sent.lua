local cupola = require "cupola"

local function get(cloud, path)
  local client = cloud:raw_client {
    to = cloud.controllers[1],
    bytes = "GET " .. path .. " HTTP/1.1\r\nHost: api.cupola.test\r\nConnection: close\r\n\r\n",
  }
  cloud:wait_until(function() return not client:is_open() end, "5s")
  local answer = client:received()
  return tonumber(answer:match "^HTTP/1.1 (%d+)"), answer
end

return cupola.scenario {
  title = "Who knows an app's number and the hash of its droplet does not get it: addresses are signed for DEAs",
  row = "C7",
  weakness = "droplets are given to whoever knows their hash, which every message about an instance tells",
  tripped_by = { mutation = "CC_HANDS_OUT_DROPLETS" },
  cloud = { deas = 3, routers = 1 },
  apps = { shop = { instances = 2 } },
  always = { cupola.no_lost_app },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    local hash = cloud:instances("shop")[1].version:match "^%x+"
    local now = 1302566400
    for _, path in ipairs {
      "/staged_droplets/1/" .. hash,
      "/staged_droplets/1/" .. hash .. "?until=" .. now + 3600,
      "/staged_droplets/1/" .. hash .. "?until=" .. now + 3600 .. "&code=" .. ("0"):rep(32),
      "/staged_droplets/1/" .. hash .. "?until=99999999999999999999&code=" .. hash:sub(1, 32),
      "/staged_droplets/1/../1/" .. hash,
      "/packages/1/" .. hash,
    } do
      local status, answer = get(cloud, path)
      cloud:expect(status == 403 or status == 404 or status == 400, ("%s is answered with %s"):format(path, status))
      cloud:expect(#answer < 1000, path .. " is answered with bits")
    end
    -- Those who are sent for it get it.
    cloud:scale("shop", 6)
    cloud:wait "1s"
    cloud:wait_until(cupola.converged, "20s")
  end,
}
