#ifndef LAUNCH_PLAN_H
#define LAUNCH_PLAN_H
int launch_plan_placeholder(void);
#endif
