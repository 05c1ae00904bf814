void grant(void);
