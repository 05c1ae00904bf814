/* bare.c - the yardstick of scripts/bench: evhtp alone, one thread a listener, answering
 * GET with 18 bytes of JSON.   bare PORT THREADS */
#include <evhtp/evhtp.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static const char answer[] = "{\"status\":\"alive\"}";

static void handle(evhtp_request_t *req, void *arg) {
  (void)arg;
  evbuffer_add_reference(req->buffer_out, answer, sizeof answer - 1, NULL, NULL);
  evhtp_headers_add_header(req->headers_out,
                           evhtp_header_new("Content-Type", "application/json", 0, 0));
  evhtp_send_reply(req, EVHTP_RES_OK);
}

static void *serve(void *port) {
  struct event_base *base = event_base_new();
  evhtp_t *htp = base ? evhtp_new(base, NULL) : NULL;
  if (!htp) return port;
  evhtp_enable_flag(htp, EVHTP_FLAG_ENABLE_REUSEPORT);
  evhtp_set_gencb(htp, handle, NULL);
  if (evhtp_bind_socket(htp, "127.0.0.1", *(uint16_t *)port, 1024) == 0)
    event_base_dispatch(base);
  evhtp_free(htp);
  event_base_free(base);
  return port;
}

int main(int argc, char **argv) {
  uint16_t port = argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0;
  long threads = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
  if (port == 0 || threads < 1 || threads > 64) return 2;
  pthread_t thread;
  for (long i = 0; i < threads; i++)
    if (pthread_create(&thread, NULL, serve, &port) != 0) return 1;
  pthread_join(thread, NULL); /* serves until killed */
  return 1;
}
