/*
 * A clock of this machine that nobody sets: the time since it was started, suspensions included.
 */
#ifndef ESMIGRATE_BASE_UPTIME_H
#define ESMIGRATE_BASE_UPTIME_H

#include <stdint.h>

/* Microseconds; to be compared within one boot only. */
int64_t uptime_us(void);

/* What tells this boot from others; the caller's (free()), NULL where the system does not say. */
char *uptime_boot(void);

#endif
