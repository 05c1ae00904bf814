/* Good tokens, changed in one place of their text: none may pass. */
#include "auth/gates.h"

static char *first_dot(char *t) {
  return strchr(t, '.');
}

static char *last_dot(char *t) {
  return strrchr(t, '.');
}

static void insert(char *at, const char *what) {
  memmove(at + strlen(what), at, strlen(at) + 1);
  memcpy(at, what, strlen(what));
}

static void pad_end(char *t) {
  insert(t + strlen(t), "=");
}

static void pad_header(char *t) {
  insert(first_dot(t), "=");
}

static void pad_body(char *t) {
  insert(last_dot(t), "==");
}

static void four_parts(char *t) {
  insert(t + strlen(t), ".AA");
}

static void five_parts(char *t) {
  insert(t + strlen(t), ".AA.AA");
}

static void dot_after(char *t) {
  insert(t + strlen(t), ".");
}

static void dot_before(char *t) {
  insert(t, ".");
}

static void two_parts(char *t) {
  *last_dot(t) = '\0';
}

static void one_part(char *t) {
  *first_dot(t) = '\0';
}

static void empty_header(char *t) {
  memmove(t, first_dot(t), strlen(first_dot(t)) + 1);
}

static void empty_body(char *t) {
  memmove(first_dot(t) + 1, last_dot(t), strlen(last_dot(t)) + 1);
}

static void empty_signature(char *t) {
  last_dot(t)[1] = '\0';
}

static void only_dots(char *t) {
  memcpy(t, "..", 3);
}

static void plus(char *t) {
  last_dot(t)[1] = '+';
}

static void slash(char *t) {
  last_dot(t)[1] = '/';
}

static void space_within(char *t) {
  insert(last_dot(t), " ");
}

static void tab_within(char *t) {
  insert(first_dot(t), "\t");
}

static void line_within(char *t) {
  insert(last_dot(t) + 5, "\r\n");
}

static void space_after(char *t) {
  insert(t + strlen(t), " ");
}

static void percent(char *t) {
  insert(first_dot(t), "%3D");
}

static void high_byte(char *t) {
  last_dot(t)[1] = (char)0xc3;
}

static void comma(char *t) {
  insert(t + strlen(t), ",x");
}

static void lone_letter(char *t) {
  insert(t + strlen(t), "AA"); /* 43 and 2 letters: one over a group of four */
}

/* 32 bytes are 43 letters, of which the last holds two bits that must be zero. */
static void bits_after(char *t) {
  char *last = t + strlen(t) - 1;
  *last = *last == 'Z'   ? 'a'
          : *last == 'z' ? '0'
          : *last == '9' ? '-'
                         : (char)(*last + 1);
}

static void cut_signature(char *t) {
  t[strlen(t) - 3] = '\0';
}

/* The right bytes and a zero after them. */
static void byte_more(char *t) {
  insert(t + strlen(t), "A");
}

static void longer_signature(char *t) {
  insert(last_dot(t) + 1, "AAAA");
}

static void other_signature(char *t) {
  char *c = last_dot(t) + 1;
  *c = *c == 'A' ? 'B' : 'A';
}

static void zero_signature(char *t) {
  memset(last_dot(t) + 1, 'A', strlen(last_dot(t) + 1));
}

static void other_body(char *t) {
  char *c = last_dot(t) - 12; /* within the digits of exp, still digits */
  *c = *c == 'M' ? 'N' : 'M';
}

static void too_long(char *t) {
  size_t n = strlen(t);
  memset(t + n, 'A', 17000);
  t[n + 17000] = '\0';
}

static void just_too_long(char *t) {
  char *dot = last_dot(t);
  size_t room = CG_TOKEN_MAX + 1 - strlen(t);
  memmove(dot + room, dot, strlen(dot) + 1);
  memset(dot, 'A', room);
}

static void no_form_but_the_one(void **state) {
  struct test_keys *k = *state;
  static const struct {
    const char *name;
    void (*spoil)(char *t);
    const char *words;
  } rows[] = {
      {"padding", pad_end, "signature is not canonical"},
      {"padding in the header", pad_header, "header is not canonical"},
      {"padding in the body", pad_body, "body is not canonical"},
      {"four parts", four_parts, "three parts"},
      {"five parts", five_parts, "three parts"},
      {"dot after", dot_after, "three parts"},
      {"dot before", dot_before, "three parts"},
      {"two parts", two_parts, "three parts"},
      {"one part", one_part, "three parts"},
      {"empty header", empty_header, "three parts"},
      {"empty body", empty_body, "three parts"},
      {"empty signature", empty_signature, "three parts"},
      {"only dots", only_dots, "three parts"},
      {"plus", plus, "signature is not canonical"},
      {"slash", slash, "signature is not canonical"},
      {"space within", space_within, "body is not canonical"},
      {"tab within", tab_within, "header is not canonical"},
      {"line within", line_within, "signature is not canonical"},
      {"space after", space_after, "signature is not canonical"},
      {"percent", percent, "header is not canonical"},
      {"high byte", high_byte, "signature is not canonical"},
      {"comma", comma, "signature is not canonical"},
      {"lone letter", lone_letter, "signature is not canonical"},
      {"bits after the end", bits_after, "signature is not canonical"},
      {"signature cut", cut_signature, "signature"},
      {"signature and a byte", byte_more, "signature is wrong"},
      {"signature longer", longer_signature, "signature is wrong"},
      {"signature changed", other_signature, "signature is wrong"},
      {"signature zero", zero_signature, "signature is wrong"},
      {"body changed", other_body, "the token"},
      {"21 KiB", too_long, "longer than 14336 bytes"},
      {"14 KiB and one", just_too_long, "longer than 14336 bytes"},
  };
  struct gates g = gates_open(k);
  for (size_t i = 0; i < CG_COUNT(rows); i++) {
    char *header = token(k, HS, NULL, NULL);
    rows[i].spoil(header + strlen("Bearer "));
    must_refuse(&g, g.plain[SECRET_GATE], rows[i].name, header, rows[i].words);
    must_pass(&g, k, SECRET_GATE);
  }
  gates_close(&g);
}

static void no_signature_but_the_one(void **state) {
  struct test_keys *k = *state;
  static const struct {
    const char *name;
    void (*spoil)(char *t);
  } rows[] = {{"cut", cut_signature},
              {"and a byte", byte_more},
              {"longer", longer_signature},
              {"changed", other_signature},
              {"zero", zero_signature}};
  static const enum signer own[] = {HS, RS, ES};
  struct gates g = gates_open(k);
  for (enum gate gate = RSA_GATE; gate < GATES; gate++)
    for (size_t i = 0; i < CG_COUNT(rows); i++) {
      char *header = token(k, own[gate], NULL, NULL);
      rows[i].spoil(header + strlen("Bearer "));
      must_refuse(&g, g.plain[gate], rows[i].name, header, "signature");
      must_pass(&g, k, gate);
    }
  gates_close(&g);
}

/* NUL bytes as they are, in header and body. */
static void no_bytes_after_a_nul(void **state) {
  struct test_keys *k = *state;
  static const char header[] = "{\"alg\":\"HS256\"}\0", body[] = CLAIMS "\0{}";
  struct gates g = gates_open(k);
  must_refuse(&g, g.plain[SECRET_GATE], "NUL after the header",
              token_n(k, HS, header, sizeof header - 1, CLAIMS, strlen(CLAIMS)), "JSON");
  must_refuse(&g, g.plain[SECRET_GATE], "NUL after the body",
              token_n(k, HS, header, sizeof header - 2, body, sizeof body - 1), "JSON");
  must_pass(&g, k, SECRET_GATE);
  gates_close(&g);
}

/* Every letter of a good token changed to another one, one at a time. */
static void no_letter_can_be_changed(void **state) {
  struct test_keys *k = *state;
  struct gates g = gates_open(k);
  size_t n = strlen(token(k, HS, NULL, NULL));
  for (size_t i = strlen("Bearer "); i < n; i++) {
    char *header = token(k, HS, NULL, NULL);
    header[i] = header[i] == 'A' ? 'Q' : 'A';
    must_refuse(&g, g.plain[SECRET_GATE], "a letter", header, "");
  }
  must_pass(&g, k, SECRET_GATE);
  gates_close(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_form_but_the_one),
      cmocka_unit_test(no_signature_but_the_one),
      cmocka_unit_test(no_bytes_after_a_nul),
      cmocka_unit_test(no_letter_can_be_changed),
  };
  return cmocka_run_group_tests(tests, keys_setup, keys_teardown);
}
