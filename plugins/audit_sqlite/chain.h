/* chain.h - the hash that ties each row to all rows before it.
 *
 *   hash(n) = SHA-256( hash(n-1) | seq as 8 bytes | for each text: its length as 4 bytes,
 *             its bytes ), numbers big-endian, texts in the order of enum aud_col, and
 *             hash(0) = 32 zero bytes.
 *
 * Lengths stand in front, so no two different rows have the same bytes.  README.md shows
 * the same computation in Python.  One chain object belongs to one thread. */
#ifndef AUD_CHAIN_H
#define AUD_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "message.h"

#define AUD_HASH_LEN 32

struct aud_chain;

/* The algorithm is fetched here, once.  NULL: msg says why. */
struct aud_chain *aud_chain_new(struct aud_message *msg);
void aud_chain_free(struct aud_chain *c); /* NULL is fine */

#define AUD_LENGTH_LEN 4 /* bytes in front of each text */

/* One text in that form; returns where the next one goes. */
char *aud_chain_put(char *at, const void *text, uint32_t len);

/* block: all texts of a row, put one behind the other.  prev and out may be the same. */
bool aud_chain_hash(struct aud_chain *c, const unsigned char prev[AUD_HASH_LEN],
                    int64_t seq, const void *block, size_t block_len,
                    unsigned char out[AUD_HASH_LEN]);

void aud_hex(const unsigned char hash[AUD_HASH_LEN], char out[2 * AUD_HASH_LEN + 1]);
bool aud_unhex(const char *text, unsigned char out[AUD_HASH_LEN]);

#endif
