/* Threads that come and go while others launch: what a daemon of many libraries looks like to a launcher.
 *
 * Each of them opens descriptors that are not closed at an exec, and takes the locks that a child of the process would
 * inherit locked: those of malloc, of stdio, of the time zone and of the dynamic loader. */
#ifndef THREAD_CHURN_H
#define THREAD_CHURN_H

#include <stdint.h>

/* Starts so many threads (8 at most) that make and join others without a break. Returns 0 or an error number. */
int thread_churn_start(unsigned breeders);

/* How many threads the one of them that has made the fewest has seen come and go so far. */
uint64_t thread_churn_least(void);

/* Ends all of them, and returns how many threads have come and gone. */
uint64_t thread_churn_stop(void);

#endif
