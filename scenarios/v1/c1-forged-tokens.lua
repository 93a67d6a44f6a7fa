local cupola = require "cupola"

local function call(cloud, line, token, body)
  local client = cloud:raw_client {
    to = cloud.controllers[1],
    bytes = line .. " HTTP/1.1\r\nHost: api.cupola.test\r\nConnection: close\r\n"
      .. (token and "Authorization: " .. token .. "\r\n" or "")
      .. (body and "Content-Length: " .. #body .. "\r\n" or "") .. "\r\n" .. (body or ""),
  }
  cloud:wait_until(function() return not client:is_open() end, "5s")
  local answer = client:received()
  return tonumber(answer:match "^HTTP/1.1 (%d+)"), answer
end

return cupola.scenario {
  title = "A token opens the API; a token with one digit changed, cut, lengthened or made up opens nothing",
  row = "C1",
  weakness = "the token is unmarshalled before its code is checked: whoever sends one makes the controller build objects",
  tripped_by = { mutation = "CC_BELIEVES_TOKENS" },
  cloud = { deas = 2, routers = 1 },
  apps = { shop = { instances = 1 } },
  always = { cupola.no_lost_app },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    local status, answer = call(cloud, "POST /users/operator@cupola.test/tokens", nil,
      '{"password":"a simulated secret"}')
    cloud:expect(status == 200, "who knows the password gets a token: " .. answer)
    local token = answer:match '"token":"(%x+)"'
    cloud:expect(call(cloud, "GET /apps/shop", token) == 200, "it opens the API")

    local forged = {
      "", "0", token:sub(1, -2), token:sub(1, 64), token .. "00", token .. token, token:upper() .. "0",
      "04085b0849220f6f70657261746f72", -- An array, marshalled as v1 did.
      ("0"):rep(64) .. token:sub(65), ("f"):rep(20000), "bearer " .. token:reverse(),
    }
    for _ = 1, 30 do -- One digit of it becomes another.
      local at = cloud:draw(1, #token, "digit")
      local digit = ("%x"):format((tonumber(token:sub(at, at), 16) + cloud:draw(1, 15, "change")) % 16)
      forged[#forged + 1] = token:sub(1, at - 1) .. digit .. token:sub(at + 1)
    end
    for _, one in ipairs(forged) do
      local refused = call(cloud, "GET /apps/shop", one)
      cloud:expect(refused == 403 or refused == 431 or refused == 400, ("%.60s is answered with %s"):format(one, refused))
      cloud:expect(call(cloud, "DELETE /apps/shop", one) ~= 200, ("%.60s deletes an app"):format(one))
    end
    cloud:expect(call(cloud, "GET /apps/shop", token) == 200, "the real one still opens it")
  end,
}
