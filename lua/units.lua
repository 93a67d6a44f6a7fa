-- Durations, sizes and distributions, as scenarios write them: always with their unit.
-- Everything becomes integers (nanoseconds, bytes): no float reaches the simulated world.

local units = {}

local NS = { ns = 1, us = 1000, ms = 1000000, s = 1000000000, m = 60000000000, h = 3600000000000 }
local BYTES = { B = 1, K = 1024, M = 1024 * 1024, G = 1024 * 1024 * 1024 }

--- The digits of "1.25" as an integer times scale, without floats: 1.25 * 1000 = 1250.
local function scaled(whole, fraction, scale)
  local value = math.tointeger(tonumber(whole)) * scale
  for digit in fraction:gmatch("%d") do
    scale = scale // 10
    value = value + math.tointeger(tonumber(digit)) * scale
  end
  return value
end

local function with_unit(text, table_of_units, what, example)
  if type(text) ~= "string" then
    error(("%s: expected a text with its unit such as %q, found %s"):format(what, example, tostring(text)), 0)
  end
  local whole, fraction, unit = text:match("^(%d+)%.?(%d*)%s*(%a+)$")
  local scale = unit and table_of_units[unit]
  if not scale then
    error(("%s: %q is not understood; write it like %q"):format(what, text, example), 0)
  end
  if tonumber(whole) > math.maxinteger // scale - 1 then
    error(("%s: %q is more than can be counted"):format(what, text), 0)
  end
  return scaled(whole, fraction, scale)
end

--- "300ms", "1.5s", "2m" in nanoseconds. `what` names the place in errors. Integers pass: they are
--- nanoseconds already. So few of them that nothing could happen meanwhile are a forgotten unit.
function units.duration(text, what)
  if math.type(text) == "integer" and (text >= NS.us or text == 0) then
    return text
  end
  if math.type(text) == "integer" and text > 0 then
    error(("%s: %d is nanoseconds, as all durations that are numbers; write it like %q"):format(what or "duration", text,
      text .. "s"), 0)
  end
  return with_unit(text, NS, what or "duration", "300ms")
end

--- "64M", "4G" in bytes.
function units.size(text, what)
  if math.type(text) == "integer" and text >= 0 then
    return text
  end
  return with_unit(text, BYTES, what or "size", "64M")
end

--- "64M" in whole megabytes, as the platform counts memory.
function units.megabytes(text, what)
  return units.size(text, what) // BYTES.M
end

--- A ratio such as 0.5 or "2.5%" in millionths. Decimal fractions are exact enough in a double to be rounded back.
function units.millionths(ratio, what)
  local whole, fraction = tostring(ratio):match "^(%d+)%.?(%d*)%%$"
  if whole and #whole < 8 then
    return scaled(whole, fraction, 10000)
  end
  if type(ratio) ~= "number" or ratio < 0 then
    error(("%s: expected a number such as 0.5 or a text such as '2%%', found %s"):format(what, tostring(ratio)), 0)
  end
  return math.tointeger((ratio * 1000000 + 0.5) // 1)
end

local Distribution = {}
Distribution.__index = Distribution
Distribution.__name = "distribution"

local function distribution(kind, first, second, share)
  return setmetatable({ kind = kind, first = first, second = second or 0, share = share or 0 }, Distribution)
end

function units.constant(value)
  return distribution("constant", units.duration(value, "constant"))
end

function units.uniform(low, high)
  low, high = units.duration(low, "uniform"), units.duration(high, "uniform")
  if low > high then
    error("uniform: the first value is above the second", 2)
  end
  return distribution("uniform", low, high)
end

--- `least` plus an exponential tail with that mean.
function units.exponential(least, mean)
  return distribution("exponential", units.duration(least, "exponential"), units.duration(mean, "exponential"))
end

--- Median and sigma of the logarithm: lognormal("300ms", 0.5).
function units.lognormal(median, sigma)
  local millionths = units.millionths(sigma, "lognormal: sigma")
  if millionths > 4000000 then
    error("lognormal: sigma is at most 4", 2)
  end
  return distribution("lognormal", units.duration(median, "lognormal"), millionths)
end

--- Mostly `often`, with probability `share` `seldom`.
function units.bimodal(often, seldom, share)
  return distribution("bimodal", units.duration(often, "bimodal"), units.duration(seldom, "bimodal"),
    units.millionths(share, "bimodal: share"))
end

--- A distribution, or a duration that is always the same.
function units.as_distribution(value, what)
  if getmetatable(value) == Distribution then
    return value
  end
  return distribution("constant", units.duration(value, what))
end

--- 1234567890 as "1.235s", for messages.
function units.show(ns)
  for _, step in ipairs { { "h", NS.h }, { "m", NS.m }, { "s", NS.s }, { "ms", NS.ms }, { "us", NS.us } } do
    local unit, scale = step[1], step[2]
    if ns >= scale then
      local thousandths = (ns * 1000 // scale) % 1000
      if thousandths == 0 then
        return ("%d%s"):format(ns // scale, unit)
      end
      return ("%d.%03d%s"):format(ns // scale, thousandths, unit)
    end
  end
  return ("%dns"):format(ns)
end

return units
