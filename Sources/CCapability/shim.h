#include <sys/auxv.h>
#include <sys/capability.h>
/* Which the Glibc module leaves out. */
#include <sys/signalfd.h>
#include "kernel_features.h"
