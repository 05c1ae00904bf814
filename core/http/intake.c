#include "http/intake.h"

#include <errno.h>
#include <event2/buffer.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static size_t n_held(const struct cg_intake *in) {
  return in->held ? evbuffer_get_length(in->held) : 0;
}

size_t cg_intake_length(const struct cg_intake *in) {
  return n_held(in) + in->n_fresh;
}

/* ---- receiving ---- */

static bool hold(struct cg_intake *in) {
  if (in->n_fresh == 0) return true;
  if (!in->held) in->held = evbuffer_new();
  bool ok = in->held && evbuffer_add(in->held, in->fresh, in->n_fresh) == 0;
  in->n_fresh = 0;
  return ok;
}

enum cg_received cg_intake_receive(struct cg_intake *in) {
  ssize_t n;
  do n = recv(bufferevent_getfd(in->bev), in->room, CG_INTAKE_ROOM, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n == 0) {
    event_del(&in->readable); /* or it would be told in every turn */
    in->ended = true;
    return CG_RECEIVED_EOF;
  }
  if (n < 0) return errno == EAGAIN ? CG_RECEIVED_SOME : CG_RECEIVED_BROKEN;
  in->fresh = in->room;
  in->n_fresh = (size_t)n;
  return !in->held || hold(in) ? CG_RECEIVED_SOME : CG_RECEIVED_BROKEN;
}

/* At its watermark a bufferevent that may read calls back in every turn. */
static void pause_reading(struct cg_intake *in) {
  in->paused = true;
  if (in->room)
    event_del(&in->readable);
  else
    bufferevent_disable(in->bev, EV_READ);
}

static void resume(struct cg_intake *in) {
  if (!in->paused || in->ended || n_held(in) >= cg_message_size_max(in->limits)) return;
  in->paused = false;
  if (in->room)
    in->paused = event_add(&in->readable, NULL) < 0;
  else
    bufferevent_enable(in->bev, EV_READ);
}

bool cg_intake_settle(struct cg_intake *in) {
  if (!hold(in)) return false;
  if (in->room && in->held && n_held(in) == 0) {
    evbuffer_free(in->held);
    in->held = NULL;
  }
  if (!in->paused && n_held(in) >= cg_message_size_max(in->limits)) pause_reading(in);
  return true;
}

/* ---- messages ---- */

static bool no_memory(struct cg_message *m) {
  m->state = CG_MESSAGE_REFUSED;
  m->code = CG_E_MEMORY;
  m->why = "there is no memory for this request";
  return false;
}

/* The first n bytes in one piece; NULL: no memory. */
static const char *first(struct cg_intake *in, size_t n) {
  if (n == 0) return "";
  if (in->n_fresh) return in->fresh;
  return (char *)evbuffer_pullup(in->held, (ev_ssize_t)n);
}

/* -> has a head that was read just now a body to be read? */
static bool read_on(struct cg_intake *in, size_t len) {
  struct cg_message *m = &in->message;
  bool had_head = m->head_done;
  size_t need = cg_message_needs(m, in->limits, len);
  const char *bytes = first(in, need);
  if (!bytes) return no_memory(m);
  cg_message_feed(m, in->limits, bytes, had_head ? len : need);
  return !had_head && m->head_done && m->state == CG_MESSAGE_MORE;
}

enum cg_message_state cg_intake_next(struct cg_intake *in, const char **ret_bytes) {
  struct cg_message *m = &in->message;
  in->shown = cg_intake_length(in);
  if (in->shown == 0) return m->state;
  while (read_on(in, in->shown)) continue;
  if (m->state != CG_MESSAGE_READY) return m->state;
  *ret_bytes = first(in, cg_message_size(m));
  if (!*ret_bytes) no_memory(m);
  return m->state;
}

const char *cg_intake_head(struct cg_intake *in) {
  return in->message.head_done ? first(in, in->message.head_len) : NULL;
}

static void take_away(struct cg_intake *in, size_t n) {
  if (in->n_fresh) {
    in->fresh += n;
    in->n_fresh -= n;
  } else if (in->held) {
    evbuffer_drain(in->held, n);
  }
  in->shown = 0;
  resume(in);
}

void cg_intake_consume(struct cg_intake *in) {
  take_away(in, cg_message_size(&in->message));
  cg_message_init(&in->message);
}

size_t cg_intake_drop(struct cg_intake *in) {
  size_t n = cg_intake_length(in);
  take_away(in, n);
  return n;
}

bool cg_intake_has_unread(const struct cg_intake *in) {
  int n = 0;
  return cg_intake_length(in) > in->shown ||
         (ioctl(bufferevent_getfd(in->bev), FIONREAD, &n) == 0 && n > 0);
}

/* ---- life ---- */

/* The bufferevent's own event goes last: epoll is told nothing, the socket is read as
 * before. */
static bool read_plainly(struct cg_intake *in, const struct cg_intake_conf *conf) {
  evutil_socket_t fd = bufferevent_getfd(in->bev);
  struct event_base *base = bufferevent_get_base(in->bev);
  event_assign(&in->readable, base, fd, EV_READ | EV_PERSIST, conf->on_readable,
               conf->arg);
  return event_add(&in->readable, NULL) == 0 &&
         bufferevent_disable(in->bev, EV_READ) == 0;
}

bool cg_intake_open(struct cg_intake *in, const struct cg_intake_conf *conf) {
  in->bev = conf->bev;
  in->limits = conf->limits;
  in->room = conf->room;
  cg_message_init(&in->message);
  if (in->room) return read_plainly(in, conf);
  in->held = bufferevent_get_input(in->bev);
  bufferevent_setwatermark(in->bev, EV_READ, 0, cg_message_size_max(in->limits));
  return true;
}

static void stop_reading(struct cg_intake *in) {
  if (!in->room) return;
  event_del(&in->readable);
  in->room = NULL;
}

void cg_intake_close(struct cg_intake *in) {
  bool own = in->room;
  stop_reading(in);
  in->n_fresh = 0;
  if (own && in->held) evbuffer_free(in->held);
  in->held = NULL;
}

bool cg_intake_hand_over(struct cg_intake *in) {
  bool own = in->room, ok = true;
  if (own) {
    ok = hold(in);
    stop_reading(in);
    if (in->held) {
      struct evbuffer *input = bufferevent_get_input(in->bev);
      ok = ok && evbuffer_prepend_buffer(input, in->held) == 0;
      evbuffer_free(in->held);
    }
  }
  in->held = NULL;
  in->paused = false;
  bufferevent_setwatermark(in->bev, EV_READ, 0, 0);
  return ok && bufferevent_enable(in->bev, EV_READ) == 0;
}
