/* hash.h - places in hash tables: of bytes, and of numbers.
 *
 * cg_hash is FNV-1a, 32 bit, the same on every machine and version: lease ids carry a
 * byte of it (cg_home_of).  cg_hash_number is keyed with the table's own random salt, so
 * that whoever may choose the numbers (addresses) cannot aim at one place; with one salt
 * no two numbers have the same hash.  Any thread.
 */
#ifndef CG_BASE_HASH_H
#define CG_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint32_t cg_hash(const void *bytes, size_t n);
uint64_t cg_hash_number(uint64_t number, uint64_t salt);

#endif
