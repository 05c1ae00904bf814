/* limits.h - what a Lua file may use up. */
#ifndef CG_LUA_LIMITS_H
#define CG_LUA_LIMITS_H

#include <stdint.h>

struct cg_lua_limits {
  uint64_t memory_bytes; /* of the state */
  uint64_t instructions; /* counted by one meter */
  uint32_t burst_cpu_us; /* thread CPU between cg_meter_begin and cg_meter_end */
  uint32_t cpu_us;       /* thread CPU of all bursts of one meter */
};

#endif
