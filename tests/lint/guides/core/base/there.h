/* there.h - is there */
