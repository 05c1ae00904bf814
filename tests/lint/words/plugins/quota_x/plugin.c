int plugin(void) { return malloc(1) && strtok(0, 0); }
