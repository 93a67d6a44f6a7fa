-- What a scenario table may contain. Unknown keys and wrong types are errors that name the place and the nearest known key.

local units = require "cupola.units"

local schema = {}

--- Edit distance, to find what was meant by a misspelt key.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      local change = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(above + 1, row[j - 1] + 1, diagonal + change)
      diagonal = above
    end
  end
  return row[#b]
end

local function nearest(key, known)
  local best, best_distance
  for name in pairs(known) do
    local d = distance(key, name)
    if d <= 3 and (not best or d < best_distance or d == best_distance and name < best) then
      best, best_distance = name, d
    end
  end
  return best
end

--- The scenario's own table has no name.
local function complain(place, text)
  error(place == "" and text or place .. ": " .. text, 0)
end

local function unknown_key(key, known, place)
  local hint = type(key) == "string" and nearest(key, known)
  complain(place, ("unknown key '%s'%s"):format(tostring(key), hint and (", did you mean '" .. hint .. "'?") or ""))
end

local function wrong(place, expected, value)
  local found = type(value) == "string" and ("%q"):format(value) or tostring(value)
  complain(place, ("expected %s, found %s"):format(expected, found))
end

--- A function that checks (and converts) one value. `place` names it in errors.
function schema.integer(low, high)
  return function(value, place)
    if math.type(value) ~= "integer" then
      wrong(place, "a whole number", value)
    end
    if value < low or (high and value > high) then
      wrong(place, high and ("a number from %d to %d"):format(low, high) or ("at least %d"):format(low), value)
    end
    return value
  end
end

function schema.text(value, place)
  if type(value) ~= "string" then
    wrong(place, "a text", value)
  end
  return value
end

function schema.boolean(value, place)
  if type(value) ~= "boolean" then
    wrong(place, "true or false", value)
  end
  return value
end

function schema.callable(value, place)
  if type(value) ~= "function" then
    wrong(place, "a function", value)
  end
  return value
end

function schema.distribution(value, place)
  return units.as_distribution(value, place)
end

schema.duration = units.duration
schema.size = units.size
schema.megabytes = units.megabytes

function schema.ratio_millionths(value, place)
  return units.millionths(value, place)
end

--- A table with these keys only: { name = check }.
function schema.record(known)
  return function(value, place)
    if type(value) ~= "table" then
      wrong(place, "a table", value)
    end
    local result = {}
    for key, item in pairs(value) do
      local check = known[key]
      if not check then
        unknown_key(key, known, place)
      end
      result[key] = check(item, place == "" and key or (place .. "." .. key))
    end
    return result
  end
end

--- A list of such values.
function schema.list(check)
  return function(value, place)
    if type(value) ~= "table" then
      wrong(place, "a list", value)
    end
    local result = {}
    for i, item in ipairs(value) do
      result[i] = check(item, ("%s[%d]"):format(place, i))
    end
    for key in pairs(value) do
      if math.type(key) ~= "integer" then
        wrong(place, "a list", ("a table with the key '%s'"):format(tostring(key)))
      end
    end
    return result
  end
end

--- Any table, unchanged: checked elsewhere (component configurations are checked against their messages).
function schema.raw(value, place)
  if type(value) ~= "table" then
    wrong(place, "a table", value)
  end
  return value
end

--- cloud.wait("5s") would take the text for the cloud.
function schema.expect_colon(methods)
  for name, method in pairs(methods) do
    if type(method) == "function" and not name:find "^__" then
      methods[name] = function(self, ...)
        if getmetatable(self) ~= methods then
          error(("%s: write %s:%s(...), with a colon"):format(name, methods.__name, name), 2)
        end
        return method(self, ...)
      end
    end
  end
end

schema.nearest = nearest

--- A name that `what` does not have is an error, at the line that reads it, that tells the nearest one of those tables.
function schema.no_such(what, key, ...)
  local known = {}
  for _, names in ipairs { ... } do
    for name in pairs(names) do
      known[name] = type(name) == "string" or nil
    end
  end
  local meant = type(key) == "string" and nearest(key, known)
  error(("%s has no '%s'%s"):format(what, tostring(key), meant and (", did you mean '" .. meant .. "'?") or ""), 3)
end

return schema
