/* strcpy( in a comment is nobody's call, nor is "sprintf(" in a string. */
int words(char *to, const char *from) {
  puts("sprintf(");
  strcpy(to, from);
  free(to);
  my_free(to);
  ops->free(to);
  return atoi (from);
}
