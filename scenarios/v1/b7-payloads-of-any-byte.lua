local cupola = require "cupola"

local connect = 'CONNECT {"verbose":false,"user":"dea","pass":"the bus password of a simulated cloud"}\r\n'

-- Every byte there is, then some that are drawn, with those in it that v1 took for the end.
local function payloads(cloud)
  local every = {}
  for byte = 0, 255 do
    every[#every + 1] = string.char(byte)
  end
  local list = { table.concat(every), "\4", "\6", "\r\n", "\4\r\nPUB dea.stop 2\r\n{}\r\n\6" }
  for round = 1, 12 do
    local drawn = {}
    for at = 1, cloud:draw(1, 300, "size") do
      drawn[at] = string.char(cloud:draw(0, 255, "byte"))
    end
    drawn[#drawn + 1] = round % 2 == 0 and "\4" or "\6"
    list[#list + 1] = table.concat(drawn)
  end
  return list
end

return cupola.scenario {
  title = "Payloads of every byte, cut anywhere on their way: they come as they were sent, to another server of the bus too",
  row = "B7",
  weakness = "a byte 4 or 6 anywhere in a payload closes the connection: who publishes binary data is cut off",
  tripped_by = { mutation = "BUS_ENDS_AT_CONTROL_BYTES" },
  cloud = { deas = 2, bus_servers = 2 },
  apps = { shop = { instances = 2 } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    local hears = connect .. "SUB _INBOX.binary 1\r\nPING\r\n"
    local near = cloud:raw_client { to = cloud.bus[1], bytes = hears }
    local far = cloud:raw_client { to = cloud.bus[2], bytes = hears }
    cloud:wait("2s")
    local sent, expected = {}, {}
    for _, payload in ipairs(payloads(cloud)) do
      sent[#sent + 1] = ("PUB _INBOX.binary %d\r\n%s\r\n"):format(#payload, payload)
      expected[#expected + 1] = ("MSG _INBOX.binary 1 %d\r\n%s\r\n"):format(#payload, payload)
    end
    local says = cloud:raw_client {
      to = cloud.bus[1], bytes = connect .. table.concat(sent) .. "PING\r\n",
      chunk = cloud:draw(1, 200, "chunk"), every = "1ms",
    }
    cloud:wait("10s")
    for name, client in pairs { near = near, far = far } do
      local heard = client:received()
      cloud:expect(client:is_open(), "the connection of who listens stays: " .. name)
      cloud:expect(heard:find(table.concat(expected), 1, true), "all of it came, byte by byte: " .. name)
    end
    cloud:expect(says:is_open() and says:received():find("PONG", 1, true), "the connection of who speaks stays")
    cloud:wait_until(cupola.converged, "20s")
  end,
}
