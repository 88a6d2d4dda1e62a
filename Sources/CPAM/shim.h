/* libpam, which the system helper alone links: sessions are opened there, never in a daemon. */
#ifndef CPAM_SHIM_H
#define CPAM_SHIM_H

#include <security/pam_appl.h>

#endif
