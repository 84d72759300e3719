-- Requests that differ: no two in a row share their path or the value of one field. usage: ... -- FIELD_NAME

dofile(os.getenv("LONGMA_BENCH_LUA") .. "/common.lua")

local requests = {}
local last = 0

function init(args)
   for i = 1, 1000 do
      local mark = string.format("%08x%08x", i * 2654435761 % 4294967296, i * 40503 % 4294967296)
      wrk.headers[args[1]] = "id=" .. mark
      requests[i] = wrk.format("GET", "/items/" .. i)
   end
end

function request()
   last = last % 1000 + 1
   return requests[last]
end
