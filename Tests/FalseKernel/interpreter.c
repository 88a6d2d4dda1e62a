/* The interpreter itself, with other system calls. */
#define LAUNCH_SYSTEM_CALL_H
#include <asm/unistd.h>

long false_system_call(long number, long a, long b, long c, long d, long e);

/* Everything is followed, which the one that runs in children cannot be. */
#define UNINSTRUMENTED
#define SYSTEM_CALL_0(n) false_system_call(n, 0, 0, 0, 0, 0)
#define SYSTEM_CALL_1(n, a) false_system_call(n, (long)(a), 0, 0, 0, 0)
#define SYSTEM_CALL_2(n, a, b) false_system_call(n, (long)(a), (long)(b), 0, 0, 0)
#define SYSTEM_CALL_3(n, a, b, c) false_system_call(n, (long)(a), (long)(b), (long)(c), 0, 0)
#define SYSTEM_CALL_4(n, a, b, c, d) false_system_call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0)
#define SYSTEM_CALL_5(n, a, b, c, d, e) false_system_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

#define launch_interpret false_interpret
#include "../../Sources/CLaunchPlan/interpreter.c"
