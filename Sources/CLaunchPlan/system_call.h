/* System calls without libc.
 *
 * The wrappers of libc are out of the question in a clone child of a threaded process: those of glibc for
 * set*id and setgroups speak to every thread of the process they believe to be in (nptl/setxid), and others take locks
 * that a thread of the parent may have held at the clone. These return a negative error number. */
#ifndef LAUNCH_SYSTEM_CALL_H
#define LAUNCH_SYSTEM_CALL_H

#include <asm/unistd.h>

/* Sanitizers instrument with calls into a runtime that neither the trampoline nor a clone child may use: such a child has the
 * thread pointer of its parent, and no place that a sanitizer knows. */
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define UNINSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef UNINSTRUMENTED
#define UNINSTRUMENTED
#endif

#if defined(__x86_64__)

static inline __attribute__((always_inline)) long launch_syscall(
    long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

static inline __attribute__((always_inline)) long launch_syscall(
    long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

#else
#error "The launch plan speaks to the kernel of x86_64 and aarch64 only."
#endif

#define SYSTEM_CALL_0(n) launch_syscall(n, 0, 0, 0, 0, 0)
#define SYSTEM_CALL_1(n, a) launch_syscall(n, (long)(a), 0, 0, 0, 0)
#define SYSTEM_CALL_2(n, a, b) launch_syscall(n, (long)(a), (long)(b), 0, 0, 0)
#define SYSTEM_CALL_3(n, a, b, c) launch_syscall(n, (long)(a), (long)(b), (long)(c), 0, 0)
#define SYSTEM_CALL_4(n, a, b, c, d) launch_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), 0)
#define SYSTEM_CALL_5(n, a, b, c, d, e) launch_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

#endif
