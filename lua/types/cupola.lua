---@meta cupola
-- The scenario language for editors (the Lua language server) and for docs/reference.md, which is generated from this
-- file. Nothing runs it: the language itself is in lua/cupola.lua and lua/cloud.lua.

---A time with its unit: "300ms", "1.5s", "2m", "1h", or a number of nanoseconds as cupola returns them.
---@alias duration string|integer

---A size with its unit: "64M", "4G", or a number of bytes.
---@alias size string|integer

---A number from 0 to 1, or a text with a percent sign: "2%".
---@alias ratio number|string

---A duration that is drawn anew each time; a plain duration is always the same.
---@class distribution

---A check for `always`: it holds at every moment of a run.
---@class check

---A mark for `sometimes`: a campaign in which no run reaches it has failed.
---@class mark

---A condition for `cloud:wait_until` and `cloud:holds`: it holds at some moment.
---@class condition

---What `require "cupola"` gives.
---@class cupola
---@field never_misrouted check An answer came from the app that was asked, always.
---@field no_lost_app check What a controller acknowledged is in the journal.
---@field one_of_each check No two routed, running instances share app, version and index for longer than a grace.
---@field memory_within_limits check No DEA promises more memory than it has, no process lives above its limit.
---@field one_order check The answers to all commands fit one order of them, across apps: no dependency cycle.
---@field no_failed_request check Every request of the load is answered by its app.
---@field linearizable_per_app check What the clients of cloud:rest_clients were told fits some order of their calls.
---@field converged condition Desired = actual = routed for every app, no extras, nothing under way.
---@field all_wanted_run condition Every wanted index runs.
---@field nothing_else_runs condition Each of them once, in its version, and nothing beside it.
---@field routes_are_right condition Every router routes to exactly what runs.
---@field all_up condition Every component runs, is connected and serves.
---@field operators_idle condition No operator's command is under way.
---@field rest_clients_idle condition All calls of cloud:rest_clients are over.
---@field blobs_are_right condition Every droplet that runs is in the controllers' storage, and nothing else is there.
---@field services_are_right condition Every service and binding is at its gateway, which knows it; nothing else is there, nothing waits to go.
local cupola = {}

---Turns a table into a scenario. Every file ends with `return cupola.scenario { ... }`; mistakes name their place.
---@param fields scenario
---@return scenario
function cupola.scenario(fields) end

---Converged for one app.
---@param name string The app's name.
---@return condition
function cupola.app_converged(name) end

---The health manager takes an index of the app for flapping.
---@param name string The app's name.
---@return condition
function cupola.app_is_flapping(name) end

---A check of one's own for `always`.
---@param name string For messages and reports.
---@param holds fun(cloud: cloud): boolean, string? Returns true, or false and why.
---@return check
function cupola.check(name, holds) end

---A mark for `sometimes`: reached when the function returns true; it is looked at as checks are.
---@param name string
---@param holds fun(cloud: cloud): boolean
---@return mark
function cupola.sometimes(name, holds) end

---A mark for `sometimes`: reached when a component logs a line with these words.
---@param words string
---@return mark
function cupola.logged(words) end

---Always the same.
---@param value duration
---@return distribution
function cupola.constant(value) end

---Every value between the two is as likely.
---@param low duration
---@param high duration
---@return distribution
function cupola.uniform(low, high) end

---`least` plus an exponential tail with that mean.
---@param least duration
---@param mean duration
---@return distribution
function cupola.exponential(least, mean) end

---Most values near the median, few far above.
---@param median duration
---@param sigma ratio Of the logarithm, at most 4.
---@return distribution
function cupola.lognormal(median, sigma) end

---Mostly `often`, with probability `share` `seldom`.
---@param often duration
---@param seldom duration
---@param share ratio
---@return distribution
function cupola.bimodal(often, seldom, share) end

---A duration in nanoseconds.
---@param value duration
---@param what? string Its name in messages.
---@return integer
function cupola.duration(value, what) end

---Nanoseconds as people write them: 1234567890 as "1.235s".
---@param ns integer
---@return string
function cupola.show(ns) end

---The scenario's table.
---@class scenario
---@field title string One sentence: what breaks and what must follow.
---@field cloud? cloud_plan What the cloud is made of.
---@field apps? table<string, app_plan> What runs on it, by name.
---@field load? load_plan[] Who uses it.
---@field always? check[] What holds at every moment.
---@field sometimes? (string|mark)[] What must happen in at least one run of a campaign: names for `cloud:mark`, `cupola.sometimes`, `cupola.logged`.
---@field run fun(cloud: cloud) What breaks, and what is waited for.
---@field row? string The row of the weakness catalogue that it is about.
---@field weakness? string What v1 did.
---@field tripped_by? trip What makes it fail.

---@class trip
---@field mutation? string A planted bug, by its name in core/base/mutation.h.
---@field setting? cloud_plan Other settings, laid over `cloud`.

---@class cloud_plan
---@field zones? integer
---@field bus_servers? integer
---@field routers? integer
---@field controllers? integer
---@field health_managers? integer
---@field deas? integer
---@field old_deas? integer So many of the DEAs, the last ones, speak as v1 did for the whole run (for a while: fault `old_version`).
---@field gateways? integer Service gateways, which offer redis, mysql, mongodb, rabbitmq and postgresql, in this order.
---@field dea_memory? size Of each DEA.
---@field link? link_plan Between two hosts of a zone.
---@field link_between_zones? link_plan
---@field link_outside? link_plan From clients outside of the cloud.
---@field disk_sync? distribution
---@field disk_read? distribution
---@field staging? distribution
---@field password_hash? distribution
---@field restart_delay? duration A host's init starts a component that died again after this.
---@field boot? duration From power on until the components of a host start.
---@field clock_offset_most? duration Wall clocks of hosts differ by up to so much, drawn.
---@field check_interval? duration How often `always` looks while anything happens.
---@field bus_config? table Keys of the component's own configuration (core/proto/config.proto).
---@field router_config? table
---@field controller_config? table
---@field health_manager_config? table
---@field dea_config? table
---@field gateway_config? gateway_config How gateways behave; one alone is changed with the fault "bad_config".

---@class gateway_config
---@field answer_least_ms? integer An order takes so long before it is carried out; 5 by itself.
---@field answer_most_ms? integer Or so long; 40 by itself.
---@field offer_ms? integer It offers its service, and asks for the handles, so often; 60,000 by itself.
---@field retry_ms? integer After a controller that did not answer; 1,000 by itself.
---@field reap_ms? integer What is so old and not among the handles is deleted; 0: nothing is, as in July 2011. 120,000 by itself.
---@field remembers? boolean false: after a restart it knows what the handles tell, and nothing before, as in 2011.
---@field refuses_permille? integer Of a thousand orders: 500, and nothing is done.
---@field fails_late_permille? integer 500 though it is done.
---@field never_answers_permille? integer It is done and nobody is told.
---@field makes_twice_permille? integer Two are made, of one it tells.

---@class link_plan
---@field latency? distribution
---@field bandwidth? size Bytes a second.
---@field loss? ratio Segments that must be sent again.

---@class app_plan
---@field host? string Its address; <name>.cupola.test by itself.
---@field instances? integer
---@field memory? size Its limit.
---@field framework? string
---@field runtime? string
---@field pushed? boolean false: the scenario pushes it itself.
---@field singleton? boolean Never two of one index run at a time, whatever is cut off.
---@field health? health_plan How it shows that it is well; by itself its port must accept once.
---@field environment? table<string, string> Variables of its own; `GET /env` shows what its processes were given.
---@field boot? distribution From the start of the process until it listens.
---@field response? distribution From a request until its answer.
---@field stop? distribution From SIGTERM until it exits.
---@field crash_after_mean? duration Mean life of a process that crashes by itself.
---@field exit_after_boot? duration Every process exits so long after its start: a crash loop.
---@field never_binds? boolean It runs but never listens.
---@field ignores_term? boolean Only SIGKILL ends it.
---@field memory_used? size From the start.
---@field memory_growth? size A second.
---@field response_bytes? integer Padding of each answer.

---@class health_plan
---@field startup? probe_plan Until it is good, the instance starts.
---@field startup_timeout? duration
---@field liveness? probe_plan Bad: the instance is ended as crashed.
---@field readiness? probe_plan Bad: only its routes are taken away.

---@class probe_plan
---@field type? string "port" by itself, "http" or "process".
---@field path? string http: 2xx and 3xx are good answers.
---@field interval? duration
---@field timeout? duration
---@field failures? integer In a row, that count.

---@class load_plan
---@field host string The Host header.
---@field rate? integer Requests a second, whatever becomes of those before.
---@field from? duration
---@field until_time? duration
---@field timeout? duration
---@field method? string
---@field body_bytes? integer

---The cloud of this run.
---@class cloud
---@field bus component[]
---@field routers component[]
---@field controllers component[]
---@field health_managers component[]
---@field deas component[]
---@field gateways component[]
---@field colleague cloud Somebody else with the operator's rights, whose commands do not wait for the operator's: `cloud.colleague:scale("shop", 3)`; pushes nothing.
local cloud = {}

---Lets the world run for a while.
---@param duration duration
function cloud:wait(duration) end

---Lets the world run until the condition holds; an error if it does not in time.
---@param condition condition|fun(cloud: cloud): boolean, string?
---@param bound? duration 60 s by itself.
---@return integer took In nanoseconds.
function cloud:wait_until(condition, bound) end

---Whether a condition holds now; if not, why.
---@param condition condition
---@return boolean
---@return string? why
function cloud:holds(condition) end

---Virtual time since the start of the world, in nanoseconds.
---@return integer
function cloud:now() end

---Records a duration by name; campaigns report its distribution.
---@param name string
---@param duration duration
function cloud:record(name, duration) end

---Records a number by name.
---@param name string
---@param number integer
function cloud:count(name, number) end

---A mark of `sometimes` is reached.
---@param name string
function cloud:mark(name) end

---Adds a line to the run's story.
---@param text string
function cloud:tell(text) end

---The run fails here unless the value is true.
---@param value any
---@param message? string
function cloud:expect(value, message) end

---One element of a list, drawn from the seed.
---@generic T
---@param list T[]
---@param name? string Keeps this decision apart from others.
---@return T
function cloud:pick(list, name) end

---A whole number from low to high, drawn from the seed.
---@param low integer
---@param high integer
---@param name? string
---@return integer
function cloud:draw(low, high, name) end

---Breaks something of the fault menu.
---@param kind fault_kind
---@param options? fault_options
---@return fault
function cloud:fault(kind, options) end

---Cuts the network between components (or hosts) in a shape: "halves": the first half from the second; "bridge": two
---halves that only the middle one still reaches; "ring": each reaches so many neighbours that every one sees another
---majority; "isolate": one of them, drawn, from everybody; "swizzle": one after another from everybody in a drawn order,
---mended in another.
---@param shape partition_shape
---@param members component[]|host[]
---@param options? partition_options
---@return partition
function cloud:partition(shape, members, options) end

---Breaks things for a while: faults drawn from the whole menu as `cupola sim explore` draws them, each storm some of its
---families. Returns at the end of the while.
---@param duration duration Each lasts for two thirds of it at most.
---@param options? storm_options
---@return storm
function cloud:storm(duration, options) end

---Ends all faults.
function cloud:mend_everything() end

---The running processes of an app, or of all, as the hosts know them.
---@param app? string
---@return instance[]
function cloud:instances(app) end

---The DEA that runs that index of an app, or the first index that runs: as good with any seed. An error if none does.
---@param app string
---@param index? integer
---@return component
function cloud:dea_of(app, index) end

---How many instances of the app run, listen and are routed by every router.
---@param app string
---@return integer
function cloud:serving(app) end

---The number of the newest order to start an index of the app that any controller knows; it grows with each order.
---@param app string
---@param index integer
---@return integer
function cloud:ordered(app, index) end

---How many processes of apps were ever started, on all hosts.
---@return integer
function cloud:started() end

---Pushes an app.
---@param app string
---@param fields? app_plan
---@return operation
function cloud:push(app, fields) end

---Changes the number of instances.
---@param app string
---@param instances integer
---@return operation
function cloud:scale(app, instances) end

---What happened to an app, as the client's `events` tells it; :wait() returns the JSON text.
---@param app string
---@return operation
function cloud:events(app) end

---Looks at all apps at once, as the client's `apps` does; :wait() returns the JSON text.
---@return operation
function cloud:apps() end

---Starts an app that was stopped.
---@param app string
---@return operation
function cloud:start(app) end

---Stops an app.
---@param app string
---@return operation
function cloud:stop(app) end

---Stops and starts an app.
---@param app string
---@return operation
function cloud:restart(app) end

---Rolls out a new run of an app, without a gap.
---@param app string
---@return operation
function cloud:update(app) end

---Ends a rolling update that is under way: the old version takes over again.
---@param app string
---@return operation
function cloud:cancel(app) end

---Deletes an app.
---@param app string
---@return operation
function cloud:delete(app) end

---Maps one more host to an app.
---@param app string
---@param host string
---@return operation
function cloud:map(app, host) end

---Takes a host away from an app.
---@param app string
---@param host string
---@return operation
function cloud:unmap(app, host) end

---Has a service made by the first gateway of that vendor: `cloud:create_service("redis", "cache")`.
---@param vendor string
---@param service string
---@return operation
function cloud:create_service(vendor, service) end

---@param service string
---@return operation
function cloud:delete_service(service) end

---Gives an app access to a service; its instances run anew.
---@param service string
---@param app string
---@return operation
function cloud:bind_service(service, app) end

---@param service string
---@param app string
---@return operation
function cloud:unbind_service(service, app) end

---Prepares a command in an instance, as `cupola exec` does, and waits until it can be joined; an error if the cloud
---refuses it. It says where it runs and with what, and ends well: at once, or `{ "sleep", "5" }` five seconds later.
---@param app string
---@param index integer
---@param words string[] Program and arguments.
---@return session
function cloud:exec(app, index, words) end

---How many commands run beside the app's processes (or all), as the hosts know them.
---@param app? string
---@return integer
function cloud:commands(app) end

---What the clients of a host saw so far.
---@param host string
---@return requests
function cloud:requests(host) end

---More load, as in the scenario's `load`.
---@param fields load_plan
function cloud:add_load(fields) end

---Ends the load on a host.
---@param host string
function cloud:stop_load(host) end

---A connection from outside that sends any bytes at any pace.
---@param fields raw_plan
---@return raw_client
function cloud:raw_client(fields) end

---@class rest_clients
---@field app string Pushed already, with no change of it under way.
---@field clients? integer How many; 3.
---@field calls? integer Of all together, at most 64; 40.
---@field pause? duration Between two calls of one client, on average; 100 ms.
---@field timeout? duration Then a call counts as unknown; 10 s.
---@field deletes? boolean One of the last calls deletes the app.

---Clients that read, scale, change and perhaps delete one app at the same time, each at any controller. What they were
---told is judged by `cupola.linearizable_per_app`.
---@param fields rest_clients
function cloud:rest_clients(fields) end

return cupola
