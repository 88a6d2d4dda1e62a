#define _GNU_SOURCE
#include "thread_churn.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { most_breeders = 8, brood = 4, blocks = 16 };

static pthread_t breeders[most_breeders];
static unsigned breeder_count;
static atomic_bool ending;
static atomic_uint_fast64_t ended[most_breeders];
static FILE *shared;

static int look_at_object(struct dl_phdr_info *info, size_t size, void *argument)
{
    (void)info;
    (void)size;
    (void)argument;
    return 0;
}

static void *live(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    const int null = open("/dev/null", O_RDWR);
    int ends[2] = {-1, -1};
    const int has_pipe = pipe(ends) == 0;

    void *held[blocks];
    for (int index = 0; index < blocks; index++) {
        held[index] = malloc((size_t)(rand_r(&seed) % 40000) + 1);
        if (held[index]) memset(held[index], index, 1);
    }
    flockfile(shared);
    fprintf(shared, "%u of %d\n", seed, null);
    fflush(shared);
    funlockfile(shared);
    const time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    dl_iterate_phdr(look_at_object, NULL);
    for (int index = 0; index < blocks; index++) free(held[index]);

    if (has_pipe) {
        close(ends[0]);
        close(ends[1]);
    }
    if (null >= 0) close(null);
    const unsigned breeder = (unsigned)((uintptr_t)argument >> 32);
    atomic_fetch_add_explicit(&ended[breeder - 1], 1, memory_order_relaxed);
    return NULL;
}

static void *breed(void *argument)
{
    uintptr_t number = (uintptr_t)argument << 32;
    const struct timespec breath = {.tv_nsec = 200000};
    while (!atomic_load_explicit(&ending, memory_order_relaxed)) {
        pthread_t threads[brood];
        int count = 0;
        while (count < brood && pthread_create(&threads[count], NULL, live, (void *)++number) == 0) count++;
        for (int index = 0; index < count; index++) pthread_join(threads[index], NULL);
        nanosleep(&breath, NULL);
    }
    return NULL;
}

int thread_churn_start(unsigned count)
{
    if (count > most_breeders || breeder_count != 0) return EINVAL;
    shared = fopen("/dev/null", "we");
    if (!shared) return errno;
    atomic_store(&ending, 0);
    for (int index = 0; index < most_breeders; index++) atomic_store(&ended[index], 0);
    while (breeder_count < count) {
        const int error =
            pthread_create(&breeders[breeder_count], NULL, breed, (void *)((uintptr_t)breeder_count + 1));
        if (error != 0) {
            thread_churn_stop();
            return error;
        }
        breeder_count++;
    }
    return 0;
}

uint64_t thread_churn_least(void)
{
    uint64_t least = UINT64_MAX;
    for (unsigned index = 0; index < breeder_count; index++) {
        const uint64_t count = atomic_load_explicit(&ended[index], memory_order_relaxed);
        if (count < least) least = count;
    }
    return breeder_count > 0 ? least : 0;
}

uint64_t thread_churn_stop(void)
{
    atomic_store(&ending, 1);
    while (breeder_count > 0) pthread_join(breeders[--breeder_count], NULL);
    if (shared) fclose(shared);
    shared = NULL;
    uint64_t all = 0;
    for (int index = 0; index < most_breeders; index++) all += atomic_load(&ended[index]);
    return all;
}
