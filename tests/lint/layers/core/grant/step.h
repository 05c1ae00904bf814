void step(void);
