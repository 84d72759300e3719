-- The same request again and again, as load tools do. usage: ... -- METHOD BODY_BYTES

dofile(os.getenv("LONGMA_BENCH_LUA") .. "/common.lua")

function init(args)
   wrk.method = args[1]
   local body_bytes = tonumber(args[2])
   if body_bytes > 0 then
      wrk.body = string.rep("x", body_bytes)
   end
end
