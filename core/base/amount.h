/* Amounts as people read them; each text is the caller's (free()). */
#ifndef ESMIGRATE_BASE_AMOUNT_H
#define ESMIGRATE_BASE_AMOUNT_H

#include <stdint.h>

/* "1,234,567" */
char *amount_count(int64_t count);

/* Of whole seconds, in its two largest units: "8 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
char *amount_duration(int64_t seconds);

#endif
