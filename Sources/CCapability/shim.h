#include <sys/auxv.h>
#include <sys/capability.h>
#include "kernel_features.h"
