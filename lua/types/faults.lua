---@meta cupola.faults
-- What can be broken: the second half of the stubs in lua/types/cupola.lua.

---A name of the fault menu.
---@alias fault_kind
---| "kill"
---| "keep_down"
---| "pause"
---| "slow_process"
---| "kill_at_effect"
---| "crash_loop"
---| "restart"
---| "evacuate"
---| "slow_start"
---| "old_version"
---| "bad_config"
---| "few_descriptors"
---| "power_off"
---| "reboot"
---| "memory_pressure"
---| "slow_host"
---| "new_address"
---| "no_forks"
---| "stranger"
---| "clock_step"
---| "clock_drift"
---| "clock_freeze"
---| "clock_leap"
---| "partition"
---| "flapping"
---| "latency"
---| "loss"
---| "bandwidth"
---| "reset"
---| "half_open"
---| "refuse"
---| "black_hole"
---| "table_full"
---| "jam"
---| "finish"
---| "zero_window"
---| "idle_expiry"
---| "corrupt"
---| "wrong_name"
---| "no_name"
---| "disk_slow"
---| "disk_full"
---| "disk_error"
---| "disk_read_error"
---| "disk_write_error"
---| "disk_read_only"
---| "disk_bit_rot"
---| "disk_torn_state"
---| "disk_old_image"
---| "disk_wiped"
---| "disk_swapped"
---| "disk_lying_sync"
---| "journal_outage"
---| "journal_slow"
---| "journal_conflicts"
---| "journal_short"
---| "journal_unsure"
---| "journal_torn"
---| "blobs_missing"
---| "blobs_damaged"
---| "kill_instance"
---| "hang_instance"
---| "sick_instance"
---| "slow_instance"
---| "app_crashes"
---| "app_never_binds"
---| "app_slow_boot"
---| "app_ignores_term"
---| "app_cannot_fork"
---| "app_port_taken"
---| "app_zombie"
---| "app_exits_well"
---| "app_leaks"
---| "surge"
---| "slow_loris"
---| "bad_clients"
---| "message_loss"
---| "message_duplicates"
---| "message_delay"
---| "message_damage"

---@class fault_options
---@field target? component|host|component[]|string "dea-3", "dea", "host:dea-3", "zone:1", "shop/2", "shop", "journal", "outside", "all", or several with commas.
---@field peer? component|host|string Network faults; everybody else by itself.
---@field delay? distribution
---@field amount? integer|ratio What it says of the fault in the menu; a share as "2%", too.
---@field share? ratio Of what the target means only so many are hit, drawn from the seed, one at least; all by itself.
---@field one_way? boolean
---@field only? integer[] Faults of messages: instead of a share, these of those that it meets, counted from 1.
---@field subject? string Faults of messages: a pattern ("router.*"); all by itself.
---@field config? table bad_config: keys of the component's own configuration (core/proto/config.proto).
---@field duration? duration It ends by itself after this.
---@field after? duration It begins so much later; now by itself.

---Something that is broken.
---@class fault
local fault = {}

---Ends it: the world is as before.
function fault:mend() end

---@alias partition_shape
---| "halves"
---| "bridge"
---| "ring"
---| "isolate"
---| "swizzle"

---@class partition_options
---@field one_way? boolean
---@field duration? duration Each cut ends by itself after this.
---@field pause? duration Of a swizzle: between two cuts, and two mends; 1 s by itself.

---A network that is cut in a shape.
---@class partition
local partition = {}

---Ends all its cuts; of a swizzle, one after the other in a drawn order.
function partition:mend() end

---@class storm_options
---@field families? string[] Of these at most: "process", "host", "clock", "network", "disk", "store", "workload", "load", "message".
---@field without? fault_kind[] None of these.
---@field only? component[] Only faults that concern nobody else.
---@field at_once? boolean All begin now, and the call returns.

---Drawn faults.
---@class storm
local storm = {}

---Ends what has not ended by itself.
function storm:mend() end
