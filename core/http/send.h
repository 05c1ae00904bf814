/* send.h - bytes to the client with the fewest system calls.
 *
 * On plain TCP with nothing queued the bytes go out by one sendmsg at once; what the
 * socket does not take is queued in the bufferevent, which writes it when it can.  TLS,
 * and anything behind queued bytes, always takes the queue: order is kept.
 */
#ifndef CG_HTTP_SEND_H
#define CG_HTTP_SEND_H

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <sys/uio.h>

enum cg_sent {
  CG_SENT_ALL,
  CG_SENT_QUEUED, /* the write callback comes when the rest is out */
  CG_SENT_BROKEN, /* the client is gone, or no memory: close */
};

enum cg_sent cg_send(struct bufferevent *bev, bool tls, struct iovec *iov, int n);

#endif
