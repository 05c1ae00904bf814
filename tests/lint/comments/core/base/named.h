/* name.h - of another file */
void named(void);
