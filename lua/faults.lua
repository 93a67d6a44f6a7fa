-- What can be broken: cloud:fault and the shapes of cut networks.

local native = require "cupola.native"
local schema = require "cupola.schema"
local units = require "cupola.units"

local Fault = { __name = "fault" }
Fault.__index = Fault

--- Ends it: the world is as before.
function Fault:mend()
  native.fault_end(self.id)
end

local Partition = { __name = "partition" }
Partition.__index = Partition

--- Ends all its cuts; of a swizzle, one after the other in a drawn order.
function Partition:mend()
  local left = table.move(self.faults, 1, #self.faults, 1, {})
  while #left > 0 do
    local which = self.pause and self.cloud:draw(1, #left, "partition.heal") or 1
    table.remove(left, which):mend()
    if self.pause and #left > 0 then
      self.cloud:wait(self.pause)
    end
  end
end

local function name_of(target)
  if type(target) == "table" and rawget(target, "target") then
    return target.target
  elseif type(target) == "table" and #target > 0 then
    local names = {}
    for i, one in ipairs(target) do
      names[i] = name_of(one)
    end
    return table.concat(names, ",")
  end
  return target
end

local function slice(list, first, last)
  return table.move(list, first, last, 1, {})
end

--- Each shape: (members, cut, options). `cut(a, b)` cuts two groups off from each other; without `b` off from everybody.
local shapes = {}

--- The first half from the second.
function shapes.halves(members, cut)
  local half = #members // 2
  cut(slice(members, 1, half), slice(members, half + 1, #members))
end

--- Two halves that only the middle one still reaches.
function shapes.bridge(members, cut)
  local middle = (#members + 1) // 2
  cut(slice(members, 1, middle - 1), slice(members, middle + 1, #members))
end

--- Each reaches its neighbours on a ring, as few as make a majority with itself, so that no two majorities are the same.
function shapes.ring(members, cut)
  local count = #members
  local reach = (count // 2 + 1) // 2
  for i = 1, count do
    for j = i + 1, count do
      if math.min(j - i, count - (j - i)) > reach then
        cut({ members[i] }, { members[j] })
      end
    end
  end
end

--- One of them, drawn, from everybody.
function shapes.isolate(members, cut, options)
  cut({ options.cloud:pick(members, "partition.isolate") })
end

--- One after another, in a drawn order, from everybody; mended in another one.
function shapes.swizzle(members, cut, options)
  local left = slice(members, 1, #members)
  while #left > 0 do
    cut({ table.remove(left, options.cloud:draw(1, #left, "partition.swizzle")) })
    options.cloud:wait(options.pause)
  end
end

--- How many in a million: 0.3 or "30%". Errors are told at the line that gave it.
local function share_of(value)
  if value == nil then
    return 0
  end
  local ok, share = pcall(units.millionths, value, "fault: share")
  if not ok then
    error(share, 3)
  elseif share < 1 or share > 1000000 then
    error(("fault: share is more than 0 and at most 1, found %s"):format(tostring(value)), 3)
  end
  return share
end

local Storm = { __name = "storm" }
Storm.__index = Storm

--- Ends what has not ended by itself.
function Storm:mend()
  for _, fault in ipairs(self.faults) do
    fault:mend()
  end
end

local function as_set(list)
  local set = {}
  for _, one in ipairs(list or {}) do
    set[name_of(one)] = true
  end
  return set
end

-- Whether a fault that was drawn is meant: not `without` its kind, and of no concern to anybody but `only`.
local function is_meant(drawn, options)
  local only = options.only and as_set(options.only)
  return not as_set(options.without)[drawn.kind] and
    (not only or (only[drawn.target] and (not drawn.peer or only[drawn.peer])))
end

local function fail_unknown(what, name, why, known)
  local meant = type(name) == "string" and schema.nearest(name, known)
  error(("%s %s: %s%s"):format(what, tostring(name), why,
    meant and meant ~= name and (", did you mean '" .. meant .. "'?") or ""), 3)
end

local fault_options = { target = true, peer = true, delay = true, amount = true, one_way = true, subject = true,
  only = true, share = true, config = true, duration = true, after = true }
local partition_options = { one_way = true, duration = true, pause = true }

--- Options that nobody reads would be mistakes that nobody sees.
local function check_options(what, options, known)
  if type(options) ~= "table" then
    error(("%s: expected options such as { duration = \"5s\" }, found %s"):format(what, tostring(options)), 3)
  end
  for name in pairs(options) do
    if not known[name] then
      fail_unknown(what, name, "there is no such option", known)
    end
  end
end

--- The two readers turn an error in a value into one of the line that gave it.
return function(Cloud, as_duration, as_distribution)
  --- Breaks something. `kind` is a name of the fault menu; `options` has target, share, peer, delay, amount, one_way,
  --- subject, config, duration, after.
  function Cloud:fault(kind, options)
    options = options or {}
    check_options("fault " .. tostring(kind), options, fault_options)
    local spec = {
      kind = kind,
      target = name_of(options.target) or "",
      peer = name_of(options.peer),
      delay = options.delay and as_distribution(options.delay, "fault: delay"),
      amount = type(options.amount) == "string" and share_of(options.amount) or options.amount,
      share = share_of(options.share),
      one_way = options.one_way or false,
      subject = options.subject,
      only = options.only,
      config = options.config,
      duration = options.duration and as_duration(options.duration, "fault: duration") or 0,
      after = options.after and as_duration(options.after, "fault: after") or 0,
    }
    local id, why = native.fault_begin(spec)
    if not id then
      fail_unknown("fault", kind, why, native.fault_kinds())
    end
    return setmetatable({ id = id }, Fault)
  end

  --- Cuts the network between components in a shape: "halves", "bridge", "ring", "isolate", "swizzle".
  function Cloud:partition(shape, members, options)
    options = options or {}
    check_options("partition " .. tostring(shape), options, partition_options)
    local draw = shapes[shape]
    if not draw then
      fail_unknown("partition", shape, "there is no such shape", shapes)
    end
    if #members < 2 then
      error(("partition %s: it needs a list of at least two"):format(shape), 2)
    end
    local pause = shape == "swizzle" and as_duration(options.pause or "1s", "partition: pause") or nil
    local partition = setmetatable({ cloud = self, faults = {}, pause = pause }, Partition)
    draw(members, function(some, others)
      partition.faults[#partition.faults + 1] = self:fault("partition", {
        target = some, peer = others, one_way = options.one_way, duration = options.duration })
    end, { cloud = self, pause = pause })
    return partition
  end

  --- Breaks things for a while, drawn from the whole fault menu as an exploration draws them: each storm has some of the
  --- families. Returns when it has begun all, at the end of the while; with `at_once` at its beginning.
  function Cloud:storm(duration, options)
    options = options or {}
    local began, length = self:now(), as_duration(duration, "storm")
    local storm = setmetatable({ faults = {} }, Storm)
    for _, drawn in ipairs(native.storm_draw(self:draw(0, 1 << 40, "scenario.storm"), length, options.families)) do
      if is_meant(drawn, options) then
        if not options.at_once then
          self:wait(began + drawn.at - self:now())
        end
        local kind = drawn.kind
        drawn.kind, drawn.at = nil, nil
        storm.faults[#storm.faults + 1] = self:fault(kind, drawn)
      end
    end
    if not options.at_once then
      self:wait(math.max(0, began + length - self:now()))
    end
    return storm
  end

  function Cloud:mend_everything()
    native.fault_end_all()
  end
end
