local cupola = require "cupola"

local function ended(session, what)
  return function()
    return not session:is_open(), what .. " goes on"
  end
end

return cupola.scenario {
  title = "Commands run in instances while clients, an instance, a DEA and the controllers between them die: each ends with what it hangs on, and all are told of",
  tripped_by = { mutation = "DEA_KEEPS_TICKETS" },
  cloud = { routers = 2, controllers = 2, deas = 3, dea_config = { exec_sessions = 4 }, restart_delay = "2s" },
  apps = { shop = { instances = 6, memory = "64M" } },
  always = { cupola.never_misrouted, cupola.no_lost_app, cupola.one_of_each, cupola.memory_within_limits },

  run = function(cloud)
    local joined = 0
    local function join(index, words)
      joined = joined + 1
      return cloud:exec("shop", index, words):join()
    end
    local function runs(number)
      return function()
        return cloud:commands "shop" == number, ("%d commands run, not %d"):format(cloud:commands "shop", number)
      end
    end
    cloud:wait_until(cupola.converged, "60s")

    -- Left alone, one says where it is and ends well.
    local short = join(2, { "sleep", "3" })
    cloud:wait_until(ended(short, "the short one"), "10s")
    local status, said, code = short:result()
    cloud:expect(status == 101 and said == "shop/2: sleep 3\n" and code == 0,
      ("it says %s, %q and ends with %s"):format(status, said, code))

    -- The rest would go on for ten minutes.
    local sessions = {}
    for index = 0, 5 do
      sessions[index] = join(index, { "sleep", "600" })
    end
    cloud:wait_until(runs(6), "10s")
    sessions[0]:close()
    cloud:wait_until(runs(5), "10s")
    for _, instance in ipairs(cloud:instances "shop") do
      if instance.index == 1 then
        instance:kill()
      end
    end
    cloud:wait_until(ended(sessions[1], "the command of an instance that was killed"), "10s")
    cloud:wait_until(runs(4), "10s")
    cloud:wait_until(cupola.converged, "60s")
    local started = cloud:started()
    local host = cloud:pick(cloud.deas, "scenario.dea")
    host:kill()
    cloud:wait(cloud:draw(cupola.duration("0s"), cupola.duration("3s"), "scenario.moment"))
    for _, controller in ipairs(cloud.controllers) do
      controller:kill()
    end
    for index = 2, 5 do
      cloud:wait_until(ended(sessions[index], ("the command in instance %d"):format(index)), "10s")
      cloud:expect(select(3, sessions[index]:result()) == nil, "it was cut off")
    end
    cloud:wait_until(runs(0), "10s")
    cloud:wait_until(cupola.converged, "60s")
    cloud:expect(cloud:started() == started, "no instance was started anew for it")

    -- Who does not come for what was prepared stands in nobody's way for long.
    local refused = 0
    for number = 0, 14 do
      local done, why = pcall(cloud.exec, cloud, "shop", number % 6, { "ls" })
      if not done then
        refused = refused + 1
        cloud:expect(tostring(why):find("too many commands run on that host", 1, true), tostring(why))
      end
    end
    cloud:expect(refused >= 3, ("of 15 commands on 3 hosts with room for 4 each, %d were refused"):format(refused))
    cloud:wait "31s"
    for index = 0, 5 do
      local last = join(index, { "ls" })
      cloud:wait_until(ended(last, "the last one"), "10s")
      cloud:expect(select(3, last:result()) == 0, "there is room again")
    end
    local _, told = cloud:events("shop"):wait():gsub('"kind":"command"', "")
    cloud:expect(told >= joined, ("%d commands ran, %d are told of"):format(joined, told))
  end,
}
