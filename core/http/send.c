#include "http/send.h"

#include <errno.h>
#include <event2/buffer.h>
#include <sys/socket.h>

static ssize_t send_now(struct bufferevent *bev, struct iovec *iov, int n) {
  struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)n};
  ssize_t sent;
  do sent = sendmsg(bufferevent_getfd(bev), &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return 0;
  return sent;
}

enum cg_sent cg_send(struct bufferevent *bev, bool tls, struct iovec *iov, int n) {
  struct evbuffer *out = bufferevent_get_output(bev);
  size_t skip = 0;
  if (!tls && evbuffer_get_length(out) == 0) {
    ssize_t sent = send_now(bev, iov, n);
    if (sent < 0) return CG_SENT_BROKEN;
    skip = (size_t)sent;
  }
  bool queued = false;
  for (int i = 0; i < n; i++) {
    size_t part = iov[i].iov_len < skip ? iov[i].iov_len : skip;
    skip -= part;
    if (part == iov[i].iov_len) continue;
    queued = true;
    if (evbuffer_add(out, (char *)iov[i].iov_base + part, iov[i].iov_len - part) < 0)
      return CG_SENT_BROKEN;
  }
  return queued ? CG_SENT_QUEUED : CG_SENT_ALL;
}
