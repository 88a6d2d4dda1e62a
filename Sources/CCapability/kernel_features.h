/* Which system calls this kernel has, asked without doing anything. syscall(2) and ioctl(2) take a variable number of
   arguments, so Swift cannot call them itself.

   Each function answers 0 for "there", otherwise the error number: ENOSYS for a kernel without it, EPERM where a
   seccomp filter forbids it. */
#ifndef KERNEL_FEATURES_H
#define KERNEL_FEATURES_H

#include <errno.h>
#include <linux/types.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* clone3(2) with arguments of no size is refused with EINVAL by a kernel that knows it. */
static inline int kernel_feature_clone3(void) {
    if (syscall(SYS_clone3, (void *)0, (unsigned long)0) >= 0) return 0;
    return errno == EINVAL ? 0 : errno;
}

/* close_range(2) of the one number that is no descriptor marks nothing. With the flag that a launch needs: a kernel that has the
   call and not the flag (5.9, 5.10) answers EINVAL. */
static inline int kernel_feature_close_range(void) {
    return syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_CLOEXEC) == 0 ? 0 : errno;
}

/* pidfd_open(2) of this process. */
static inline int kernel_feature_pidfd(void) {
    long descriptor = syscall(SYS_pidfd_open, getpid(), 0U);
    if (descriptor < 0) return errno;
    close((int)descriptor);
    return 0;
}

/* struct pidfd_info in its first size, for kernel headers older than Linux 6.13. */
struct kernel_feature_pidfd_info {
    __u64 mask, cgroup;
    __u32 ids[11];
    __s32 exit_code;
};

/* PIDFD_GET_INFO of this process (Linux 6.13). */
static inline int kernel_feature_pidfd_get_info(void) {
    struct kernel_feature_pidfd_info info = { .mask = 1 };
    long descriptor = syscall(SYS_pidfd_open, getpid(), 0U);
    if (descriptor < 0) return errno;
    int result = ioctl((int)descriptor, _IOWR(0xFF, 11, struct kernel_feature_pidfd_info), &info) < 0 ? errno : 0;
    close((int)descriptor);
    return result;
}

#endif
