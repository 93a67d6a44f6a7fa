local cupola = require "cupola"

return cupola.scenario {
  title = "Twenty clients ask for 4 MB each and read 1 KB a second: the router holds little of it and serves all others",
  row = "R7",
  weakness = "an answer is read from the instance as fast as it comes, whoever reads it: one slow client fills the memory",
  tripped_by = { setting = { router_config = { max_buffered_bytes = 1000000000 } } },
  cloud = { deas = 2, routers = 1 },
  apps = { big = { instances = 2, response_bytes = 4000000 }, shop = { instances = 2 } },
  load = { { host = "shop.cupola.test", rate = 20, from = "5s" } },
  always = { cupola.never_misrouted, cupola.no_failed_request },

  run = function(cloud)
    cloud:wait_until(cupola.converged, "20s")
    local readers = {}
    for i = 1, 20 do
      readers[i] = cloud:raw_client {
        bytes = "GET / HTTP/1.1\r\nHost: big.cupola.test\r\n\r\n",
        read = 1024,
        read_every = "1s",
      }
    end
    local most = 0
    for _ = 1, 30 do
      cloud:wait "1s"
      most = math.max(most, cloud.routers[1]:unsent_bytes())
    end
    cloud:count("most bytes held", most)
    cloud:expect(most < 20 * 2 * 262144, ("the router holds %d bytes"):format(most))
    for _, reader in ipairs(readers) do
      local _, count = reader:received()
      cloud:expect(count > 20000, "each gets what it takes")
      reader:close()
    end
    cloud:wait "5s"
    cloud:expect(cloud.routers[1]:unsent_bytes() == 0, "all of it is given back")
  end,
}
