-- The tables of a scenario as a plan: plain data with integers only, which the simulator reads field by field.

local schema = require "cupola.schema"
local units = require "cupola.units"

local plan = {}

local count = schema.integer(0, 100000)

local function probe_type(value, place)
  if value ~= "port" and value ~= "http" and value ~= "process" then
    error(("%s: expected port, http or process, found %s"):format(place, tostring(value)), 0)
  end
  return value
end

local probe = schema.record {
  type = probe_type,
  path = schema.text, -- http
  interval = schema.duration,
  timeout = schema.duration,
  failures = schema.integer(1, 100), -- in a row
}

local health = schema.record {
  startup = probe,
  startup_timeout = schema.duration,
  liveness = probe,
  readiness = probe,
}

--- Variables as "K=V" entries, each ended by a zero byte, the list by another one.
local function environment(value, place)
  if type(value) ~= "table" then
    error(("%s: expected a table of variables by name"):format(place), 0)
  end
  local entries = {}
  for name, text in pairs(value) do
    if type(name) ~= "string" or not name:match "^[%a_][%w_]*$" then
      error(("%s: '%s' is no name for a variable"):format(place, tostring(name)), 0)
    end
    schema.text(text, place .. "." .. name)
    if text:find("\0", 1, true) then
      error(("%s.%s: no variable can hold a zero byte"):format(place, name), 0)
    end
    entries[#entries + 1] = name .. "=" .. text .. "\0"
  end
  if #entries > 64 then
    error(("%s: at most 64 variables"):format(place), 0)
  end
  table.sort(entries)
  return table.concat(entries) .. "\0"
end

local app = schema.record {
  host = schema.text,
  instances = schema.integer(0, 100000),
  memory = schema.megabytes,
  framework = schema.text,
  runtime = schema.text,
  pushed = schema.boolean, -- false: the scenario pushes it itself
  singleton = schema.boolean, -- set before its first start
  health = health, -- likewise
  environment = environment,
  boot = schema.distribution,
  response = schema.distribution,
  stop = schema.distribution,
  crash_after_mean = schema.duration,
  exit_after_boot = schema.duration,
  never_binds = schema.boolean,
  ignores_term = schema.boolean,
  memory_used = schema.size,
  memory_growth = schema.size, -- a second
  response_bytes = schema.integer(0, 1 << 24),
}

local load = schema.record {
  host = schema.text,
  rate = schema.integer(1, 1000000),
  from = schema.duration,
  until_time = schema.duration,
  timeout = schema.duration,
  method = schema.text,
  body_bytes = schema.integer(0, 1 << 24),
}

local link = schema.record {
  latency = schema.distribution,
  bandwidth = schema.size, -- bytes a second
  loss = schema.ratio_millionths,
}

local cloud = schema.record {
  zones = schema.integer(1, 64),
  bus_servers = schema.integer(1, 9),
  routers = count,
  controllers = count,
  health_managers = count,
  deas = count,
  old_deas = count,
  gateways = schema.integer(0, 5),
  dea_memory = schema.megabytes,
  link = link,
  link_between_zones = link,
  link_outside = link,
  disk_sync = schema.distribution,
  disk_read = schema.distribution,
  staging = schema.distribution,
  password_hash = schema.distribution,
  restart_delay = schema.duration,
  boot = schema.duration,
  clock_offset_most = schema.duration,
  check_interval = schema.duration,
  -- Keys of the components' own configuration, as in their files: { stale_after_ms = 20000 }.
  bus_config = schema.raw,
  router_config = schema.raw,
  controller_config = schema.raw,
  health_manager_config = schema.raw,
  dea_config = schema.raw,
  gateway_config = schema.raw,
}

-- ---- Settings, as `cupola set` takes them ----------------------------------------------------------------------------

--- Members of an object; those without a value are left out.
local function object(members)
  local texts = {}
  for _, member in ipairs(members) do
    if member[2] ~= nil then
      texts[#texts + 1] = ('"%s":%s'):format(member[1], member[2])
    end
  end
  return "{" .. table.concat(texts, ",") .. "}"
end

local function quoted(text)
  return text and '"' .. text:gsub('[%c"\\]', function(letter)
    return ("\\u%04x"):format(letter:byte())
  end) .. '"'
end

local function ms(duration)
  return duration and ("%d"):format(duration // 1000000)
end

local function probe_object(checks, name)
  local one = checks[name]
  return {
    name,
    one and object {
      { "type", quoted(one.type or "port") },
      { "path", quoted(one.path) },
      { "interval_ms", ms(one.interval) },
      { "timeout_ms", ms(one.timeout) },
      { "failures", one.failures and ("%d"):format(one.failures) },
    },
  }
end

local function settings(singleton, checks)
  if not singleton and not checks then
    return nil
  end
  return object {
    { "singleton", singleton and "true" },
    { "health", checks and object {
      { "startup_timeout_ms", ms(checks.startup_timeout) },
      probe_object(checks, "startup"),
      probe_object(checks, "liveness"),
      probe_object(checks, "readiness"),
    } },
  }
end

local function apps(value, place)
  if type(value) ~= "table" then
    error(("%s: expected a table of apps by name"):format(place), 0)
  end
  local list = {}
  for name, one in pairs(value) do
    if type(name) ~= "string" or not name:match("^[%w_-]+$") then
      error(("%s: '%s' is not a name for an app; letters, digits, - and _ are"):format(place, tostring(name)), 0)
    end
    local checked = app(one, place .. "." .. name)
    checked.name = name
    -- An ordinary small app, unless the scenario says otherwise.
    checked.boot = checked.boot or units.lognormal("300ms", 0.3)
    checked.response = checked.response or units.exponential("500us", "2ms")
    checked.settings = settings(checked.singleton, checked.health)
    checked.stop = checked.stop or units.exponential("5ms", "20ms")
    list[#list + 1] = checked
  end
  return list
end

--- One app's behaviour, for cloud:push.
function plan.app(name, fields)
  return apps({ [name] = fields }, "push")[1]
end

plan.load = load

local raw_client = schema.record {
  to = schema.raw, -- a component: looked at by cloud:raw_client
  port = schema.integer(1, 65535),
  bytes = schema.text,
  chunk = schema.integer(1, 1 << 30),
  every = schema.duration,
  read = schema.integer(0, 1 << 30),
  read_every = schema.duration,
}

function plan.raw_client(value, place)
  local result = raw_client(value, place)
  result.bytes = result.bytes or ""
  result.read = result.read or 65536
  return result
end

local rest_clients = schema.record {
  app = schema.text,
  clients = schema.integer(1, 64),
  calls = schema.integer(1, 64),
  pause = schema.duration,
  timeout = schema.duration,
  deletes = schema.boolean,
}

function plan.rest_clients(value, place)
  local result = rest_clients(value, place)
  if not result.app then
    error(place .. ".app: expected the name of an app", 0)
  end
  result.clients = result.clients or 3
  result.calls = result.calls or 40
  result.pause = result.pause or units.duration("100ms")
  result.timeout = result.timeout or units.duration("10s")
  return result
end

--- What makes the scenario fail: a planted bug by its name in core/base/mutation.h, or other settings of the cloud.
local trip = schema.record {
  mutation = schema.text,
  setting = cloud,
}

--- The cloud with other settings laid over it, component configurations key by key.
function plan.changed_cloud(base, setting)
  local result = {}
  for key, value in pairs(base) do
    result[key] = value
  end
  for key, value in pairs(setting) do
    local is_config = key:match("_config$") and result[key]
    result[key] = is_config and plan.changed_cloud(result[key], value) or value
  end
  return result
end

plan.scenario = schema.record {
  title = schema.text,
  row = schema.text, -- of the weakness catalogue in docs/weaknesses.md
  weakness = schema.text, -- what v1 did, in a line
  tripped_by = trip,
  cloud = cloud,
  apps = apps,
  load = schema.list(load),
  always = schema.list(function(value)
    return value
  end),
  sometimes = schema.list(function(value)
    return value
  end),
  run = schema.callable,
}

return plan
