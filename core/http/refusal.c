#include "http/refusal.h"

#include <string.h>

#include "base/check.h"
#include "http/cors.h"
#include "http/problem.h"
#include "http/reply.h"

size_t cg_refusal_write(const struct cg_listener *l, const struct cg_refusal *refusal,
                        char out[CG_REFUSAL_MAX]) {
  struct cg_err err;
  struct cg_id id = cg_listener_new_id(l);
  struct cg_buf body;
  char head[CG_REPLY_HEAD_MAX];
  uint32_t bound = refusal->message->bound;
  if (bound)
    cg_fail(&err, refusal->code, "%s: more than %u bytes", refusal->why, bound);
  else
    cg_fail(&err, refusal->code, "%s", refusal->why);
  cg_buf_init(&body, CG_REFUSAL_MAX / 2);
  struct cg_problem problem = {.err = &err};
  cg_problem_write(&problem, id.text, &body);
  struct cg_reply reply = {
      .status = cg_problem_status(&problem),
      .date = l->date,
      .content_type = CG_PROBLEM_TYPE,
      .content_length = cg_buf_ok(&body) ? body.len : 0,
      .request_id = id.text,
      .headers = (struct cg_header[]){{"Retry-After", "1"}},
      .n_headers = cg_problem_retry_after_s(&problem) != 0,
      .cors = cg_cors_answer_to(l->cors, refusal->message, refusal->head),
      .close = true};
  size_t n = cg_reply_head(&reply, head),
         text = refusal->message->method == CG_HEAD ? 0 : reply.content_length;
  CG_CHECK(n + text <= CG_REFUSAL_MAX);
  memcpy(out, head, n);
  memcpy(out + n, cg_buf_text(&body), text);
  cg_buf_done(&body);
  cg_listener_count_refusal(l, refusal->code);
  if (l->log)
    CG_LOG(l->log, CG_DEBUG, "request refused", {"request_id", id.text, 0},
           {"reason", refusal->why, 0}, {"client_addr", refusal->client_addr, 0});
  return n + text;
}
