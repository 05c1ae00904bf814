/* test.h - what every unit test of this folder needs, in cmocka's order. */
#ifndef TEST_BASE_H
#define TEST_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#endif
