-- The cloud as a scenario's `run` function gets it: things to watch, to break, to order and to wait for.

local cupola = require "cupola"
local native = require "cupola.native"
local plan = require "cupola.plan"
local schema = require "cupola.schema"
local units = require "cupola.units"

-- Mistakes in arguments are told at the line that made the call.
local function checked(check, value, what)
  local ok, result = pcall(check, value, what)
  if not ok then
    error(result, 3) -- Our own helpers are left by tail calls.
  end
  return result
end

local function as_duration(value, what)
  return checked(units.duration, value, what)
end

local function as_distribution(value, what)
  return checked(units.as_distribution, value, what)
end

-- A run that is simulated for years ends on no day that its author lives to see.
local MOST_SIMULATED = units.duration "1000h"

local function within_a_run(ns, what, written)
  if ns > MOST_SIMULATED - native.now() then
    error(("%s: %s is too long: a run is simulated for %s at most, and is at %s"):format(what, tostring(written),
      units.show(MOST_SIMULATED), units.show(native.now())), 3)
  end
end

local function class(name)
  local self = { __name = name }
  function self.__index(object, key)
    local value = self[key]
    if value == nil then
      schema.no_such("this " .. name, key, self, object)
    end
    return value
  end
  return self
end

local Cloud = class "cloud"

-- What a wait is worth telling of, once it is over.
local in_words = {
  all_wanted_run = "every wanted index runs",
  nothing_else_runs = "nothing else runs",
  routes_are_right = "routers route to exactly what runs",
  converged = "desired, actual and routed state agree",
  all_up = "every component is up",
  app_converged = "the app is as it should be",
  app_is_flapping = "the health manager takes the app for flapping",
}

-- ---- Waiting ------------------------------------------------------------------------------------------------------

--- Lets the world run for a while.
function Cloud:wait(duration)
  local ns = as_duration(duration, "wait")
  within_a_run(ns, "wait", duration)
  coroutine.yield("for", ns)
end

--- Lets the world run until the condition holds, at most `bound`; returns how long it took, in nanoseconds. It is an
--- error if it does not hold in time. The condition is one of cupola's, or a function that gets the cloud.
function Cloud:wait_until(condition, bound)
  local limit = as_duration(bound or "60s", "wait_until")
  within_a_run(limit, "wait_until", bound)
  if type(condition) ~= "function" and getmetatable(condition) ~= cupola.Condition then
    error("wait_until: expected a condition such as cupola.converged or a function, found " .. tostring(condition), 2)
  end
  local took, why = coroutine.yield("until", condition, limit)
  if not took then
    error(("waited %s in vain: %s"):format(units.show(limit), why), 2)
  end
  local words = type(condition) == "table" and in_words[condition.kind]
  if words and took > 0 then
    native.tell(("%s, after %s"):format(words, units.show(took)))
  end
  return took
end

--- Whether a condition holds now; if not, why.
function Cloud:holds(condition)
  return native.holds(condition.kind, condition.argument)
end

--- Virtual time since the start of the world, in nanoseconds.
function Cloud:now()
  return native.now()
end

-- ---- Measuring and telling ----------------------------------------------------------------------------------------

--- Records a duration by name; campaigns report its distribution.
function Cloud:record(name, duration)
  checked(schema.text, name, "record: the name")
  native.record(name, "ns", as_duration(duration, "record"))
end

--- Records a number by name.
function Cloud:count(name, number)
  checked(schema.text, name, "count: the name")
  checked(schema.integer(0), number, "count: " .. name)
  native.tell(("%s: %d"):format(name, number))
  native.record(name, "count", number)
end

--- A mark of `sometimes` is reached.
function Cloud:mark(name)
  checked(schema.text, name, "mark: the name")
  native.mark(name)
end

--- Adds a line to the run's story.
function Cloud:tell(text)
  native.tell(tostring(text))
end

--- The run fails here unless the value is true.
function Cloud:expect(value, message)
  if not value then
    error("expected: " .. (message or "a true value"), 2)
  end
end

-- ---- Picking ------------------------------------------------------------------------------------------------------

--- One element of a list, drawn from the seed. `name` keeps this decision apart from others.
function Cloud:pick(list, name)
  if type(list) ~= "table" then
    error("pick: expected a list such as cloud.deas, found " .. tostring(list), 2)
  end
  if #list == 0 then
    error("pick: the list is empty", 2)
  end
  return list[native.draw(name or "scenario.pick", #list) + 1]
end

--- A whole number from low to high, drawn from the seed.
function Cloud:draw(low, high, name)
  checked(schema.integer(math.mininteger), low, "draw: the lowest")
  checked(schema.integer(low), high, "draw: the highest")
  return low + native.draw(name or "scenario.draw", high - low + 1)
end

-- ---- Hosts and components -----------------------------------------------------------------------------------------

require "cupola.faults"(Cloud, as_duration, as_distribution)

local Host = class "host"
Host.outage = false

--- Cuts the power: what was not synced is lost, nobody is told.
function Host:power_off()
  self.outage = self.cloud:fault("power_off", { target = self })
end

function Host:power_on()
  if not self.outage then
    error("power_on: the host is not off", 2)
  end
  self.outage:mend()
  self.outage = false
end

function Host:reboot(after)
  self.cloud:fault("reboot", { target = self, delay = after or "5s" })
end

--- Cuts it off from everybody, or from `peer`, until the returned fault is mended.
function Host:partition(peer)
  return self.cloud:fault("partition", { target = self, peer = peer })
end

local Component = class "component"

for _, action in ipairs { "start", "stop", "kill", "restart", "evacuate" } do
  Component[action] = function(self)
    native.component_action(self.name, action)
  end
end

function Component:is_running()
  return native.component_is_running(self.name)
end

--- Its state as a table, read only.
function Component:state()
  return native.component_state(self.name)
end

--- Bytes that it has written and that have not left yet: what slow readers make it hold.
function Component:unsent_bytes()
  return native.component_unsent(self.name)
end

--- Stops it in its tracks until the returned fault is mended, or for a duration.
function Component:pause(duration)
  return self.cloud:fault("pause", { target = self, duration = duration })
end

--- Kills it and keeps it down until the returned fault is mended, or for a duration.
function Component:keep_down(duration)
  return self.cloud:fault("keep_down", { target = self, duration = duration })
end

local function components(cloud, role)
  local list = {}
  for i, one in ipairs(native.components(role)) do
    one.cloud = cloud
    one.target = one.name
    one.host = setmetatable({ cloud = cloud, target = "host:" .. one.name, name = one.host }, Host)
    list[i] = setmetatable(one, Component)
  end
  return list
end

-- ---- Instances ----------------------------------------------------------------------------------------------------

local Instance = class "instance"

--- SIGKILL, or another signal by number. Nobody is told: its DEA has to notice.
function Instance:kill(signal)
  return native.signal_instance(self.instance, signal or 9)
end

--- The running processes of an app (or of all), as the hosts know them.
function Cloud:instances(app)
  local list = native.instances(app)
  for _, one in ipairs(list) do
    setmetatable(one, Instance)
  end
  return list
end

--- The DEA that runs that index of an app, or the first index that runs: as good with any seed.
function Cloud:dea_of(app, index)
  local best
  for _, one in ipairs(native.instances(app)) do
    if one.dea ~= "" and (index == nil or one.index == index) and (not best or one.index < best.index) then
      best = one
    end
  end
  for _, dea in ipairs(best and self.deas or {}) do
    if dea.name == best.dea then
      return dea
    end
  end
  error(("dea_of: %s/%s runs nowhere"):format(tostring(app), tostring(index or "*")), 2)
end

--- How many instances of the app run, listen and are routed by every router.
function Cloud:serving(app)
  return native.serving(app)
end

--- The number of the newest order to start an index of the app that any controller knows: it grows with each.
function Cloud:ordered(app, index)
  return native.ordered(app, index)
end

--- How many processes of apps were ever started, on all hosts.
function Cloud:started()
  return native.started()
end

-- ---- Operators ----------------------------------------------------------------------------------------------------

local Operation = class "operation"

function Operation:is_over()
  return native.operation(self.id).over
end

--- Waits for the end of the command, which must succeed; returns what the client printed.
function Operation:wait(bound)
  self.cloud:wait_until(setmetatable({ kind = "operation", argument = self.id }, cupola.Condition), bound or "120s")
  local outcome = native.operation(self.id)
  if outcome.status ~= 0 then
    error(("%s failed: %s"):format(self.command, outcome.result), 2)
  end
  return outcome.result
end

local function operate(cloud, command, app, fields, behaviour)
  if rawget(cloud, "is_colleague") and behaviour then
    error(command .. ": a colleague brings no bits", 3)
  end
  local id = native.operate(command, app or "", fields or {}, behaviour, rawget(cloud, "is_colleague"))
  return setmetatable({ id = id, command = command, cloud = cloud }, Operation)
end

--- Pushes an app; `fields` as in the scenario's `apps`.
function Cloud:push(app, fields)
  checked(schema.text, app, "push: the app")
  local behaviour = checked(plan.app, app, fields or {})
  return operate(self, "push", app, { instances = behaviour.instances, memory_mb = behaviour.memory }, behaviour)
end

function Cloud:scale(app, instances)
  checked(schema.integer(0, 1000000), instances, "scale: instances")
  return operate(self, "scale", app, { instances = instances })
end

--- What happened to an app, as the client's `events` tells it.
function Cloud:events(app)
  return operate(self, "events", app)
end

--- Looks at all apps at once, as the client's `apps` does.
function Cloud:apps()
  return operate(self, "apps")
end

for _, command in ipairs { "start", "stop", "restart", "update", "cancel", "delete" } do
  Cloud[command] = function(self, app)
    return operate(self, command, app)
  end
end

function Cloud:map(app, host)
  return operate(self, "map", app, { uri = host })
end

function Cloud:unmap(app, host)
  return operate(self, "unmap", app, { uri = host })
end

--- Makes a service of a gateway's vendor, as in `cloud:create_service("redis", "cache")`.
function Cloud:create_service(vendor, service)
  return operate(self, "create-service", nil, { vendor = vendor, service = service })
end

function Cloud:delete_service(service)
  return operate(self, "delete-service", nil, { service = service })
end

function Cloud:bind_service(service, app)
  return operate(self, "bind-service", app, { service = service })
end

function Cloud:unbind_service(service, app)
  return operate(self, "unbind-service", app, { service = service })
end

-- ---- Commands in instances ----------------------------------------------------------------------------------------

local Session = { __name = "session" }
Session.__index = Session

--- Prepares a command in an instance, as `cupola exec` does, and joins it; `words` are program and arguments. It says
--- where it runs and with what, and ends well: at once, or `{ "sleep", "5" }` five seconds later. An error if the
--- cloud refuses it.
function Cloud:exec(app, index, words)
  local answer = operate(self, "exec", app, { index = index, words = words }):wait()
  local path = answer:match '"(/cupola/v1/exec/[^"]+)"'
  if not path then
    error("exec: no path in " .. answer, 2)
  end
  return setmetatable({ cloud = self, path = path }, Session)
end

--- Comes for it: a client that does not do so loses it after half a minute.
function Session:join()
  self.client = self.cloud:raw_client { bytes = ("GET %s HTTP/1.1\r\nHost: api.cupola.test\r\n"):format(self.path) ..
    "Connection: Upgrade\r\nUpgrade: cupola-exec\r\n\r\n" }
  return self
end

--- What has come: the status of the answer (101: it runs, nil: none yet), what the command has said, and its exit code
--- once it has ended.
function Session:result()
  local text = self.client:received()
  local _, head_end = text:find("\r\n\r\n", 1, true)
  local rest = text:sub((head_end or #text) + 1)
  local said, code = "", nil
  local status = head_end and tonumber(text:sub(#"HTTP/1.1 " + 1, #"HTTP/1.1 101"))
  while status == 101 and #rest >= 5 and #rest >= 5 + (">I4"):unpack(rest, 2) do
    local kind, payload = (">Bs4"):unpack(rest)
    rest = rest:sub(6 + #payload)
    if kind == 4 then
      said = said .. payload
    elseif kind == 6 then
      code = payload:byte()
    end
  end
  return status, said, code
end

function Session:is_open()
  return self.client:is_open()
end

--- Its client dies.
function Session:close()
  self.client:close()
end

--- How many commands run beside the app's processes (or all), as the hosts know them.
function Cloud:commands(app)
  return native.commands(app)
end

-- ---- Load ---------------------------------------------------------------------------------------------------------

--- What the clients of a host saw so far: sent, ok, failed, misrouted, and latencies p50 and p99 in nanoseconds.
function Cloud:requests(host)
  return native.load_counts(host)
end

--- More load, as in the scenario's `load`.
function Cloud:add_load(fields)
  native.load_add(checked(plan.load, fields, "add_load"))
end

function Cloud:stop_load(host)
  native.load_stop(host)
end

-- ---- Raw clients --------------------------------------------------------------------------------------------------

local Raw = class "raw client"

local ports = { bus = 4222, router = 80, controller = 9022, dea = 12345 }

--- A connection from outside that sends `bytes` as they are: all at once, or `chunk` of them `every` so often. It reads
--- what comes, or `read` bytes `read_every` so often, or never (`read = 0`). `to` is a component; by itself a router.
function Cloud:raw_client(fields)
  local checked_fields = checked(plan.raw_client, fields, "raw_client")
  local to = fields.to
  if type(to) ~= "table" and to ~= nil then
    error("raw_client.to: expected a component such as cloud.controllers[1], found " .. tostring(to), 2)
  end
  checked_fields.address = to and to.address
  checked_fields.port = checked_fields.port or (to and ports[to.role]) or ports.router
  return setmetatable({ id = native.raw_open(checked_fields) }, Raw)
end

--- Clients that read, scale, change and perhaps delete one app at the same time, each at any controller.
function Cloud:rest_clients(fields)
  native.rest_clients(checked(plan.rest_clients, fields, "rest_clients"))
end

--- Sends more, at the same pace.
function Raw:send(bytes)
  native.raw_send(self.id, bytes)
end

function Raw:close()
  native.raw_close(self.id)
end

function Raw:is_open()
  return (native.raw_state(self.id))
end

--- The beginning of what came, and how many bytes came in all.
function Raw:received()
  local _, _, count, text = native.raw_state(self.id)
  return text, count
end

--- How it ended: "ok", "reset", "refused"... "ok" also as long as it has not.
function Raw:ending()
  local _, ending = native.raw_state(self.id)
  return ending
end

for _, methods in ipairs { Cloud, Host, Component, Instance, Operation, Raw } do
  schema.expect_colon(methods)
end

--- The cloud of this run: `routers`, `controllers`, `health_managers`, `deas`, `gateways` and `bus` are lists of
--- components.
return function()
  local cloud = setmetatable({}, Cloud)
  cloud.bus = components(cloud, "bus")
  cloud.routers = components(cloud, "router")
  cloud.controllers = components(cloud, "controller")
  cloud.health_managers = components(cloud, "health_manager")
  cloud.deas = components(cloud, "dea")
  cloud.gateways = components(cloud, "gateway")
  cloud.colleague = setmetatable({ is_colleague = true }, Cloud)
  return cloud
end
