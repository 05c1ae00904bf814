/* check.h - a bug aborts, with its place.
 *
 * CG_CHECK(x): x must hold or the program is wrong; says file, line and x on stderr and
 * aborts, in every build.  Never for input, peers or memory: those fail with cg_err.
 */
#ifndef CG_BASE_CHECK_H
#define CG_BASE_CHECK_H

#define CG_CHECK(x) ((x) ? (void)0 : cg_check_failed(#x, __FILE__, __LINE__))

_Noreturn void cg_check_failed(const char *what, const char *file, int line);

#define CG_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define CG_CONTAINER(ptr, type, member)                                                  \
  ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
