/* What anybody may read: the API's own description, and what its problems mean. */
#include <string.h>

#include "api/api.h"

#define PROBLEMS "/problems"

/* ---- pages about problems (RFC 9457 3.1.1: a type that can be looked up) ---- */

static void open_page(struct cg_buf *b, const char *title) {
  cg_buf_printf(
      b,
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n"
      "<title>%s</title>\n<style>body { font: 1rem/1.5 sans-serif; margin: 2rem "
      "auto; max-width: 40rem; padding: 0 1rem; }</style>\n<h1>%s</h1>\n",
      title, title);
}

static void send_page(struct cg_exchange *x, const struct cg_buf *b) {
  if (!cg_buf_ok(b)) {
    cg_exchange_failf(x, CG_E_MEMORY, "the gate has no memory left for this page");
    return;
  }
  cg_exchange_set_header(x, "Cache-Control", "max-age=3600");
  cg_exchange_reply(x, 200, "text/html; charset=utf-8", b->data, b->len);
}

static void problems(struct cg_exchange *x) {
  struct cg_buf *b = cg_api_out(x);
  open_page(b, "Problems");
  cg_buf_puts(b, "<p>What the <code>type</code> of a refusal means.</p>\n<dl>\n");
  for (int code = CG_OK + 1; code < CG_CODE_COUNT; code++) {
    const struct cg_code_info *info = cg_code_info((enum cg_code)code);
    cg_buf_printf(b,
                  "<dt><a href=\"" PROBLEMS "/%s\">%s</a> (HTTP %d)</dt>\n"
                  "<dd>%s</dd>\n",
                  info->slug, info->title, info->status, info->meaning);
  }
  cg_buf_puts(b, "</dl>\n</html>\n");
  send_page(x, b);
}

static const struct cg_code_info *problem_named(const char *slug) {
  for (int code = CG_OK + 1; code < CG_CODE_COUNT; code++) {
    const struct cg_code_info *info = cg_code_info((enum cg_code)code);
    if (strcmp(info->slug, slug) == 0) return info;
  }
  return NULL;
}

static void problem(struct cg_exchange *x) {
  const struct cg_code_info *info = problem_named(x->param);
  if (!info) {
    cg_exchange_failf(x, CG_E_NOT_FOUND,
                      "no problem is called so; GET " PROBLEMS " has all of them");
    return;
  }
  struct cg_buf *b = cg_api_out(x);
  open_page(b, info->title);
  cg_buf_printf(b,
                "<p><code>" PROBLEMS "/%s</code>, HTTP %d</p>\n"
                "<h2>What it means</h2>\n<p>%s</p>\n"
                "<h2>What to do</h2>\n<p>%s</p>\n"
                "<p><a href=\"" PROBLEMS "\">All problems</a></p>\n</html>\n",
                info->slug, info->status, info->meaning, info->remedy);
  send_page(x, b);
}

/* ---- the description ---- */

static void openapi(struct cg_exchange *x) {
  const char *text = cg_api_of(x)->openapi;
  cg_exchange_reply(x, 200, "application/yaml", text, strlen(text));
}

const struct cg_route cg_api_document_routes[] = {
    {"GET", "/openapi.yaml", openapi, 0},
    {"GET", "/problems", problems, 0},
    {"GET", "/problems/{name}", problem, 0},
    {NULL, NULL, NULL, 0},
};
