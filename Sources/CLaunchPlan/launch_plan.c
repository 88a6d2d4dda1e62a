#include "launch_plan.h"
int launch_plan_placeholder(void) { return 0; }
