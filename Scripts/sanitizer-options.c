/* What the sanitizers are told, in the programs themselves: the jobs and tools of the tests have environments of their
 * own, and some are privileged, so a variable would not reach them. Linked by Scripts/sanitize only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

/* Where reports go, a file for each process: what many of those that the tests start write to standard error nobody sees. */
#ifndef REPORTS
#error "REPORTS is the beginning of the names of the files that reports are written to"
#endif

/* Leaks are not looked for: the Swift runtime and Foundation keep what they never give back. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0:log_path=" REPORTS;
}

/* A process that only waits for its end has no time to lose: the tests start thousands. */
const char *__tsan_default_options(void)
{
    return "atexit_sleep_ms=0:log_path=" REPORTS;
}

/* A Mutex of Swift that nobody else wants is taken and left in the program itself, where the thread sanitizer sees it. One
 * that is wanted goes on in libswiftSynchronization, which is not instrumented, and from there into the kernel
 * (FUTEX_LOCK_PI), so that whoever comes next would seem to have waited for nobody. These stand before the functions of the
 * library and tell what happens in them. */
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define SWIFT_FUNCTION __attribute__((swiftcall))
#define SWIFT_SELF __attribute__((swift_context))

typedef SWIFT_FUNCTION void lock_function(uint32_t thread, SWIFT_SELF void *mutex);
typedef SWIFT_FUNCTION _Bool try_lock_function(SWIFT_SELF void *mutex);
typedef SWIFT_FUNCTION void unlock_function(SWIFT_SELF void *mutex);

#define MUTEX_HANDLE "$s15Synchronization12_MutexHandleV"
#define LOCK_SLOW MUTEX_HANDLE "9_lockSlowyys6UInt32VF"
#define TRY_LOCK_SLOW MUTEX_HANDLE "12_tryLockSlowSbyF"
#define UNLOCK_SLOW MUTEX_HANDLE "11_unlockSlowyyF"

lock_function lock_slow __asm__(LOCK_SLOW);
try_lock_function try_lock_slow __asm__(TRY_LOCK_SLOW);
unlock_function unlock_slow __asm__(UNLOCK_SLOW);

/* The function of the library that one here stands before. */
static void *behind(const char *symbol, void **known)
{
    void *function = __atomic_load_n(known, __ATOMIC_RELAXED);
    if (function == NULL) {
        function = dlsym(RTLD_NEXT, symbol);
        if (function == NULL)
            abort();
        __atomic_store_n(known, function, __ATOMIC_RELAXED);
    }
    return function;
}

SWIFT_FUNCTION void lock_slow(uint32_t thread, SWIFT_SELF void *mutex)
{
    static void *known;
    ((lock_function *)behind(LOCK_SLOW, &known))(thread, mutex);
    if (__tsan_acquire)
        __tsan_acquire(mutex);
}

SWIFT_FUNCTION _Bool try_lock_slow(SWIFT_SELF void *mutex)
{
    static void *known;
    const _Bool taken = ((try_lock_function *)behind(TRY_LOCK_SLOW, &known))(mutex);
    if (taken && __tsan_acquire)
        __tsan_acquire(mutex);
    return taken;
}

SWIFT_FUNCTION void unlock_slow(SWIFT_SELF void *mutex)
{
    static void *known;
    if (__tsan_release)
        __tsan_release(mutex);
    ((unlock_function *)behind(UNLOCK_SLOW, &known))(mutex);
}
