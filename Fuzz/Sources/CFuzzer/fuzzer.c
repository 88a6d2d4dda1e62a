#include "include/fuzzer.h"
