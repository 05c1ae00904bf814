/* good.h - opens well */
void good(void);
