local cupola = require "cupola"

-- What a shell would cut off, fill in or run.
local environment = {
  QUOTES = [[it's "quoted" `id`]],
  COMMANDS = "$(reboot); reboot & reboot | reboot > /etc/passwd",
  VARIABLES = "$HOME ${PATH} %VCAP_LOCAL_RUNTIME% \\$HOME",
  LINES = "one\ntwo\n\nfour",
  BLANKS = "  in front, and behind  ",
  EMPTY = "",
  EQUALS = "a=b=c",
  LETTERS = "Grüße, 日本語",
}

return cupola.scenario {
  title = "An app's variables hold quotes, commands, line ends and blanks: its processes are given exactly that",
  row = "D15",
  weakness = "variables and the credentials of services are pasted into a shell script: they break it, or are run by it",
  tripped_by = { mutation = "DEA_PASTES_THE_ENVIRONMENT" },
  cloud = { deas = 2 },
  apps = { shop = { instances = 2, environment = environment } },
  always = { cupola.never_misrouted, cupola.no_lost_app },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "60s")
    for round = 1, 2 do
      local client = cloud:raw_client {
        bytes = "GET /env HTTP/1.1\r\nHost: shop.cupola.test\r\nConnection: close\r\n\r\n",
      }
      cloud:wait_until(function() return not client:is_open() end, "5s")
      local answer = client:received()
      for name, value in pairs(environment) do
        cloud:expect(answer:find(("\n%s=%s\n"):format(name, value), 1, true), name .. " is not what was set: " .. answer)
      end
      if round == 1 then -- Also where a DEA restarts it by itself.
        for _, instance in ipairs(cloud:instances "shop") do
          instance:kill()
        end
        cloud:wait "100ms"
        cloud:wait_until(cupola.converged, "60s")
      end
    end
  end,
}
