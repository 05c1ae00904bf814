/* lib_table.h - concat, insert, remove, unpack over plain tables, charged to the meter.
 *
 * Read-only proxies are refused: writing past their __newindex would change them.
 */
#ifndef CG_LUA_LIB_TABLE_H
#define CG_LUA_LIB_TABLE_H

#include <lauxlib.h>
#include <lua.h>

extern const luaL_Reg cg_lib_table[];

#endif
