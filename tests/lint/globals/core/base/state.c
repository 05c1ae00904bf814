extern int other;
static const int fine[] = {1, 2};
static const char *const words[] = {"fine", "too"};
static const int *const pointers[] = {&other};
static int count;
static const char *last = "not constant";
int shared = 3;

int state(int i) {
  static int calls;
  last = words[i & 1];
  return fine[i & 1] + *pointers[0] + count++ + calls++ + (int)last[0];
}
