-- The scenario language: what `local cupola = require "cupola"` gives. docs/scenarios.md is its reference.

local native = require "cupola.native"
local plan = require "cupola.plan"
local schema = require "cupola.schema"
local units = require "cupola.units"

local cupola = {
  constant = units.constant,
  uniform = units.uniform,
  exponential = units.exponential,
  lognormal = units.lognormal,
  bimodal = units.bimodal,
  duration = units.duration,
  show = units.show,
}

--- Checks for `always`: they hold at every moment of a run.
local Always = { __name = "check" }
for _, name in ipairs(native.always_checks()) do
  cupola[name] = setmetatable({ name = name }, Always)
end

--- Conditions for cloud:wait_until: they hold at some moment.
local Condition = { __name = "condition" }
Condition.__index = Condition

local function condition(kind, argument)
  return setmetatable({ kind = kind, argument = argument }, Condition)
end

--- Desired = actual = routed for every app, no extras, nothing under way.
cupola.converged = condition("converged")
--- The parts of it: every wanted index runs; nothing beside it does; every router routes to exactly what runs.
cupola.all_wanted_run = condition("all_wanted_run")
cupola.nothing_else_runs = condition("nothing_else_runs")
cupola.routes_are_right = condition("routes_are_right")
--- Every component runs, is connected and serves.
cupola.all_up = condition("all_up")
--- No operator's command is under way.
cupola.operators_idle = condition("operators_idle")

--- All calls of cloud:rest_clients are over.
cupola.rest_clients_idle = condition("rest_clients_idle")
--- Every droplet that runs is in the controllers' storage, and nothing is there that no app refers to.
cupola.blobs_are_right = condition("blobs_are_right")
--- What the controllers have of services and bindings is at the gateways, which know it, and nothing else is there.
cupola.services_are_right = condition("services_are_right")

--- Converged for one app.
function cupola.app_converged(name)
  return condition("app_converged", name)
end

--- The health manager takes an index of the app for flapping.
function cupola.app_is_flapping(name)
  return condition("app_is_flapping", name)
end

local function expect_function(what, name, holds)
  if type(name) ~= "string" or type(holds) ~= "function" then
    error(("%s: expected a name and a function, found %s and %s"):format(what, tostring(name), tostring(holds)), 3)
  end
end

--- A check of one's own for `always`: the function gets the cloud and returns true, or false and why.
function cupola.check(name, holds)
  expect_function("check", name, holds)
  return setmetatable({ name = name, holds = holds }, Always)
end

--- Marks for `sometimes`: each must be reached in at least one run of a campaign.
local Mark = { __name = "mark" }

--- Reached when the function returns true; it is looked at as checks are, and gets the cloud.
function cupola.sometimes(name, holds)
  expect_function("sometimes", name, holds)
  return setmetatable({ name = name, holds = holds }, Mark)
end

--- Reached when a component logs a line with these words.
function cupola.logged(words)
  if type(words) ~= "string" then
    error("logged: expected the words of a log line, found " .. tostring(words), 2)
  end
  return setmetatable({ name = "logged: " .. words, log = words }, Mark)
end

--- Plain names are reached by cloud:mark(name). Functions are looked at as checks that nothing violates.
local function read_marks(result)
  for i, mark in ipairs(result.sometimes or {}) do
    if type(mark) == "string" then
      mark = setmetatable({ name = mark }, Mark)
      result.sometimes[i] = mark
    elseif getmetatable(mark) ~= Mark then
      error(("sometimes[%d]: expected a name, cupola.sometimes or cupola.logged, found %s"):format(i, tostring(mark)), 3)
    end
    if mark.holds then
      result.always = result.always or {}
      table.insert(result.always, cupola.check(mark.name, function(cloud)
        if mark.holds(cloud) then
          native.mark(mark.name)
        end
        return true
      end))
    end
  end
end

--- Turns what a scenario says into a plan. Errors name the place in the table.
function cupola.scenario(fields)
  local ok, result = pcall(plan.scenario, fields, "")
  if not ok then
    error(result, 2)
  end
  for _, needed in ipairs { "title", "run" } do
    if not result[needed] then
      error(("scenario: '%s' is missing"):format(needed), 2)
    end
  end
  read_marks(result)
  local trip = result.tripped_by or {}
  result.tripped_cloud = plan.changed_cloud(result.cloud or {}, trip.setting or {})
  for i, check in ipairs(result.always or {}) do
    if getmetatable(check) ~= Always then
      error(("always[%d]: expected a check such as cupola.never_misrouted, found %s"):format(i, tostring(check)), 2)
    end
  end
  return result
end

cupola.Condition = Condition
return setmetatable(cupola, { __index = function(_, key)
  schema.no_such("cupola", key, cupola)
end })
