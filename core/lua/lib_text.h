/* lib_text.h - text helpers: linear time, no patterns, charged to the meter.
 *
 *   find(s, t [, from])  place of t in s, or nil      starts(s, t)  ends(s, t)
 *   glob(s, pattern)     * and ? only; whole string   split(s, sep) a list
 *   lower(s) upper(s)    ASCII letters
 *
 * They are plain functions and methods of every string: s:starts("lobby").
 */
#ifndef CG_LUA_LIB_TEXT_H
#define CG_LUA_LIB_TEXT_H

#include <lauxlib.h>
#include <lua.h>

extern const luaL_Reg cg_lib_text[];

#endif
