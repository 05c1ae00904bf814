/* A plugin's result is whole, or it is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above */
#include <cmocka.h>

#include <string.h>

#include "plugin/result.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* What is wrong with it; NULL: nothing. */
#define ODD(kind, result) odd(&cg_result_##kind, result)

static const char *odd(const struct cg_result_kind *kind, const void *result) {
  char room[CG_RESULT_MAX];
  const char *why;
  const void *read = cg_result_read(kind, result, room, &why);
  if (why) assert_null(read);
  return why;
}

static const char *const tags[] = {"lobby", NULL};
static const struct cgp_feed feeds[] = {CGP_INIT(cgp_feed, "high", "rtsp://c"),
                                        CGP_INIT(cgp_feed, "low", NULL)};
static const struct cgp_camera good = {.size = sizeof good,
                                       .id = "lobby-1",
                                       .name = "",
                                       .site = "",
                                       .tags = tags,
                                       .n_tags = 1,
                                       .attributes = "{}",
                                       .feeds = feeds,
                                       .n_feeds = 1};

static void a_camera(void **state) {
  (void)state;
  struct cgp_camera shorter = good, nameless = good, tagless = good, hole = good;
  struct cgp_camera feedless = good, no_url = good;
  shorter.size--;
  nameless.name = NULL;
  tagless.tags = NULL;
  hole.n_tags = 2;
  feedless.feeds = NULL;
  no_url.n_feeds = 2;
  const struct cgp_camera *const bad[] = {NULL,  &shorter,  &nameless, &tagless,
                                          &hole, &feedless, &no_url};
  for (size_t i = 0; i < COUNT(bad); i++) {
    const struct cgp_camera *const both[] = {&good, bad[i]};
    assert_non_null(ODD(camera, bad[i]));
    assert_non_null(ODD(cameras, &CGP_MAKE(cgp_camera_list, both, 2)));
  }
  const struct cgp_camera *const one[] = {&good};
  assert_null(ODD(camera, &good));
  assert_null(ODD(cameras, &CGP_MAKE(cgp_camera_list, one, 1)));
  assert_null(ODD(cameras, &CGP_MAKE(cgp_camera_list, NULL, 0)));
  assert_non_null(ODD(cameras, &CGP_MAKE(cgp_camera_list, NULL, 1)));
  assert_non_null(ODD(cameras, NULL));
}

static void a_verdict(void **state) {
  (void)state;
  assert_non_null(ODD(verdict, NULL));
  assert_non_null(ODD(verdict, &CGP_MAKE(cgp_quota_verdict, .granted = false)));
  assert_null(ODD(verdict, &CGP_MAKE(cgp_quota_verdict, .granted = true)));
  assert_null(ODD(verdict, &CGP_MAKE(cgp_quota_verdict, .scope = "user:a")));
}

static void a_token(void **state) {
  (void)state;
  const struct cgp_room_token bad[] = {
      CGP_INIT(cgp_room_token, NULL, "u", 1), CGP_INIT(cgp_room_token, "", "u", 1),
      CGP_INIT(cgp_room_token, "t", NULL, 1), CGP_INIT(cgp_room_token, "t", "u", 0),
      CGP_INIT(cgp_room_token, "t", "u", -1)};
  for (size_t i = 0; i < COUNT(bad); i++) assert_non_null(ODD(token, &bad[i]));
  assert_non_null(ODD(token, NULL));
  assert_null(ODD(token, &CGP_MAKE(cgp_room_token, "t", "u", 1)));
}

static void servers(void **state) {
  (void)state;
  const char *const urls[] = {"turn:a", NULL};
  struct cgp_ice_server fine = {.size = sizeof fine,
                                .urls = urls,
                                .n_urls = 1,
                                .username = "user",
                                .credential = "password"};
  struct cgp_ice_server bad[] = {fine, fine, fine, fine, fine, fine};
  bad[0].n_urls = 2;
  bad[1].urls = NULL;
  bad[2].n_urls = SIZE_MAX;
  bad[3].credential = NULL;
  bad[4].username = NULL;
  bad[5].size--;
  for (size_t i = 0; i < COUNT(bad); i++)
    assert_non_null(ODD(servers, &CGP_MAKE(cgp_ice_servers, &bad[i], 1)));
  assert_null(ODD(servers, &CGP_MAKE(cgp_ice_servers, &fine, 1)));
  assert_null(ODD(servers, &CGP_MAKE(cgp_ice_servers, NULL, 0)));
  assert_non_null(ODD(servers, &CGP_MAKE(cgp_ice_servers, NULL, 1)));
  assert_non_null(ODD(servers, &CGP_MAKE(cgp_ice_servers, &fine, SIZE_MAX)));
  assert_non_null(ODD(servers, NULL));
}

static void appended_rows(void **state) {
  (void)state;
  assert_non_null(ODD(appended, &CGP_MAKE(cgp_audit_appended, 0)));
  assert_null(ODD(appended, &CGP_MAKE(cgp_audit_appended, 1)));
}

static void rows(void **state) {
  (void)state;
  const struct cgp_audit_row empty = {.size = sizeof empty};
  assert_non_null(ODD(rows, &CGP_MAKE(cgp_audit_rows, &empty, 1, 0)));
  assert_non_null(ODD(rows, &CGP_MAKE(cgp_audit_rows, NULL, 1, 0)));
  assert_non_null(ODD(rows, NULL));
  assert_null(ODD(rows, &CGP_MAKE(cgp_audit_rows, NULL, 0, 0)));
}

static void a_reply(void **state) {
  (void)state;
  const struct cgp_http_reply bad[] = {
      CGP_INIT(cgp_http_reply, 0), CGP_INIT(cgp_http_reply, 100),
      CGP_INIT(cgp_http_reply, 600),
      CGP_INIT(cgp_http_reply, 200, "text/plain", NULL, 5)};
  for (size_t i = 0; i < COUNT(bad); i++) assert_non_null(ODD(reply, &bad[i]));
  assert_non_null(ODD(reply, NULL));
  assert_null(ODD(reply, &CGP_MAKE(cgp_http_reply, 204)));
  assert_null(ODD(reply, &CGP_MAKE(cgp_http_reply, 200, "text/plain", "x", 1)));
}

static void a_replys_headers(void **state) {
  (void)state;
  char longest[322];
  memset(longest, 'x', 321);
  longest[321] = '\0';
  const struct cgp_header bad[] = {CGP_INIT(cgp_header, NULL, "a"),
                                   CGP_INIT(cgp_header, "X-A", NULL),
                                   CGP_INIT(cgp_header, "", "a"),
                                   CGP_INIT(cgp_header, "X A", "a"),
                                   CGP_INIT(cgp_header, "X-A:", "a"),
                                   CGP_INIT(cgp_header, "X-A", "a\r\nB: c"),
                                   CGP_INIT(cgp_header, "X-A", "a\x7f"),
                                   CGP_INIT(cgp_header, "X-A", longest),
                                   CGP_INIT(cgp_header, longest, "a"),
                                   CGP_INIT(cgp_header, "content-length", "1"),
                                   CGP_INIT(cgp_header, "Connection", "x"),
                                   CGP_INIT(cgp_header, "TE", "trailers"),
                                   CGP_INIT(cgp_header, "Upgrade", "h2c"),
                                   CGP_INIT(cgp_header, "Date", "now"),
                                   CGP_INIT(cgp_header, "X-Request-ID", "1")};
  for (size_t i = 0; i < COUNT(bad); i++) {
    const struct cgp_http_reply r =
        CGP_INIT(cgp_http_reply, 200, .headers = &bad[i], .n_headers = 1);
    if (!ODD(reply, &r)) fail_msg("the header %zu is taken", i);
  }
  struct cgp_header many[CGP_HEADERS_MAX + 1];
  char names[CGP_HEADERS_MAX + 1][8];
  for (size_t i = 0; i < COUNT(many); i++) {
    names[i][0] = (char)('a' + i);
    names[i][1] = '\0';
    many[i] = CGP_MAKE(cgp_header, names[i], "");
  }
  struct cgp_http_reply r = {.size = sizeof r, .status = 200, .headers = many};
  r.n_headers = CGP_HEADERS_MAX;
  assert_null(ODD(reply, &r));
  r.n_headers++;
  assert_non_null(ODD(reply, &r));
  r.n_headers = 2;
  many[1].name = "A";
  assert_string_equal(ODD(reply, &r), "a header twice");
  r.headers = NULL;
  assert_non_null(ODD(reply, &r));
  assert_non_null(ODD(reply, &CGP_MAKE(cgp_http_reply, 200, "text/plain\r\nA: b")));
}

static void words_are_there(void **state) {
  (void)state;
  assert_non_null(ODD(health, &CGP_MAKE(cgp_health, .ok = true)));
  assert_null(ODD(health, &CGP_MAKE(cgp_health, .ok = true, .text = "")));
  assert_non_null(ODD(audit_verdict, &CGP_MAKE(cgp_audit_verdict, .intact = true)));
}

/* Of 2.0 it ends before the room's sid, which then is "". */
static void an_event_is_read_whatever_its_minor(void **state) {
  (void)state;
  struct cgp_room_event ret, ev = CGP_INIT(cgp_room_event, .room = "r", .identity = "",
                                           .sid = "", .at_us = 7, .room_sid = "RM_1");
  assert_null(cg_room_event_read(&ev, &ret));
  assert_string_equal(ret.room_sid, "RM_1");
  ev.size = offsetof(struct cgp_room_event, room_sid);
  assert_null(cg_room_event_read(&ev, &ret));
  assert_string_equal(ret.room_sid, "");
  assert_true(ret.at_us == 7);
  ev.size--;
  assert_non_null(cg_room_event_read(&ev, &ret));
  assert_non_null(cg_room_event_read(NULL, &ret));
  assert_non_null(cg_room_event_read(&CGP_MAKE(cgp_room_event, .room = "r"), &ret));
  ev = CGP_MAKE(cgp_room_event, .room = "r", .identity = "", .sid = "");
  assert_null(cg_room_event_read(&ev, &ret));
  assert_string_equal(ret.room_sid, ""); /* told as NULL */
}

static void participants_are_whole(void **state) {
  (void)state;
  struct cgp_participant who = CGP_INIT(cgp_participant, .identity = "l", .sid = "PA_1");
  struct cgp_participants all =
      CGP_INIT(cgp_participants, .room_sid = "RM_1", .participants = &who, .n = 1);
  assert_null(ODD(participants, &all));
  who.sid = NULL;
  assert_non_null(ODD(participants, &all));
  all.participants = NULL;
  assert_non_null(ODD(participants, &all));
  all.n = 0;
  assert_null(ODD(participants, &all));
  all.room_sid = NULL;
  assert_non_null(ODD(participants, &all));
}

/* Every kind that has a result: shorter than the first version's is nonsense. */
static void nothing_is_shorter_than_its_first_version(void **state) {
  (void)state;
  static const struct cg_result_kind *const kinds[] = {
      &cg_result_camera,  &cg_result_cameras,       &cg_result_verdict,
      &cg_result_renewed, &cg_result_usage,         &cg_result_swept,
      &cg_result_token,   &cg_result_servers,       &cg_result_appended,
      &cg_result_rows,    &cg_result_audit_verdict, &cg_result_reply,
      &cg_result_health,  &cg_result_participants};
  for (size_t i = 0; i < COUNT(kinds); i++) {
    uint32_t given[CG_RESULT_MAX / 4] = {kinds[i]->first - 1};
    assert_string_equal(odd(kinds[i], given), "it is shorter than the ABI's");
    assert_non_null(odd(kinds[i], NULL));
  }
  assert_null(ODD(none, NULL));
}

/* ---- a struct that has grown ---- */

struct grown {
  uint32_t size, old;
  uint64_t added;
};

static const char *old_odd(const void *result) {
  return ((const struct grown *)result)->old ? NULL : "no old one";
}

static void what_an_older_minor_lacks_is_zero(void **state) {
  (void)state;
  const struct cg_result_kind kind = {offsetof(struct grown, added), sizeof(struct grown),
                                      old_odd, NULL};
  struct grown given = {offsetof(struct grown, added), 7, UINT64_MAX};
  char room[CG_RESULT_MAX];
  const char *why;
  memset(room, 'x', sizeof room);
  const struct grown *read = cg_result_read(&kind, &given, room, &why);
  assert_non_null(read);
  assert_int_equal(read->old, 7);
  assert_int_equal(read->added, 0);
  given.size = sizeof given;
  assert_ptr_equal(cg_result_read(&kind, &given, room, &why), &given);
  given.old = 0;
  assert_null(cg_result_read(&kind, &given, room, &why));
  assert_string_equal(why, "no old one");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_camera),
      cmocka_unit_test(a_verdict),
      cmocka_unit_test(a_token),
      cmocka_unit_test(servers),
      cmocka_unit_test(appended_rows),
      cmocka_unit_test(rows),
      cmocka_unit_test(a_reply),
      cmocka_unit_test(a_replys_headers),
      cmocka_unit_test(words_are_there),
      cmocka_unit_test(an_event_is_read_whatever_its_minor),
      cmocka_unit_test(participants_are_whole),
      cmocka_unit_test(nothing_is_shorter_than_its_first_version),
      cmocka_unit_test(what_an_older_minor_lacks_is_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
