---@meta cupola.components
-- What a cloud consists of: another part of the stubs in lua/types/cupola.lua.

---One process of the platform: `cloud.deas[1]`.
---@class component
---@field name string "dea-3"
---@field role string
---@field index integer
---@field zone integer
---@field address string
---@field host host
local component = {}

---Starts it, as a person at a terminal would.
function component:start() end

---Asks it to end (SIGTERM).
function component:stop() end

---SIGKILL; init starts it again if the cloud says so.
function component:kill() end

---Stops and starts it.
function component:restart() end

---Hands over what runs there, then ends (DEAs).
function component:evacuate() end

---@return boolean
function component:is_running() end

---Its state as a table, read only.
---@return table
function component:state() end

---Bytes that it has written and that have not left yet: what slow readers make it hold.
---@return integer
function component:unsent_bytes() end

---Stops it in its tracks until the returned fault is mended, or for a duration.
---@param duration? duration
---@return fault
function component:pause(duration) end

---Kills it and keeps it down until the returned fault is mended, or for a duration.
---@param duration? duration
---@return fault
function component:keep_down(duration) end

---The host that a component runs on.
---@class host
---@field name string
local host = {}

---Cuts the power: what was not synced is lost, nobody is told.
function host:power_off() end

---Gives the power back.
function host:power_on() end

---@param after? duration Until the power is back; 5 s by itself.
function host:reboot(after) end

---Cuts it off from everybody, or from `peer`, until the returned fault is mended.
---@param peer? component|host|string
---@return fault
function host:partition(peer) end

---One running process of an app.
---@class instance
---@field instance string Its id.
---@field app string
---@field index integer
---@field version string
---@field dea string The component that runs it.
---@field is_listening boolean
---@field started_ns integer
local instance = {}

---SIGKILL, or another signal. Nobody is told: its DEA has to notice.
---@param signal? integer
function instance:kill(signal) end

---A command that an operator gave.
---@class operation
local operation = {}

---@return boolean
function operation:is_over() end

---Waits for the end of the command, which must succeed; returns what the client printed.
---@param bound? duration 120 s by itself.
---@return string
function operation:wait(bound) end

---A command in an instance, from `cloud:exec`.
---@class session
local session = {}

---Comes for it: who does not within half a minute has lost it.
---@return session
function session:join() end

---The status of the answer (101: it runs; nil: none yet), what the command has said, and its exit code once it has ended.
---@return integer?
---@return string
---@return integer?
function session:result() end

---@return boolean
function session:is_open() end

---Its client dies.
function session:close() end

---@class requests
---@field sent integer
---@field ok integer
---@field failed integer
---@field misrouted integer
---@field refused integer
---@field reset integer
---@field timed_out integer
---@field p50 integer Latency, in nanoseconds.
---@field p99 integer

---@class raw_plan
---@field to? component The load balancer before the routers by itself.
---@field port? integer Another one than the component's usual.
---@field bytes? string
---@field chunk? integer So many of them at once,
---@field every? duration and the next ones so much later; all at once by itself.
---@field read? integer So many bytes at most are taken at once; 0: none ever.
---@field read_every? duration The pause between two reads.

---@class raw_client
local raw = {}

---Sends more, at the same pace.
---@param bytes string
function raw:send(bytes) end

---Ends the connection.
function raw:close() end

---@return boolean
function raw:is_open() end

---The beginning of what came (64 KiB), and how many bytes came in all.
---@return string
---@return integer
function raw:received() end

---How it ended: "ok", "reset", "refused"; "ok" also as long as it has not.
---@return string
function raw:ending() end
