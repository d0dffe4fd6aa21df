/*
 * Scope-bound release of resources, after systemd's macros: a variable declared with
 * `_cleanup_(f)` is given to f when it leaves its scope; TAKE_PTR and TAKE move its value out of
 * it.
 */
#ifndef ESMIGRATE_BASE_CLEANUP_H
#define ESMIGRATE_BASE_CLEANUP_H

#include <stdlib.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

static inline void free_pointed(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

#define _cleanup_free_ _cleanup_(free_pointed)

#define TAKE_PTR(pointer)                                                                          \
    ({                                                                                             \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

/* The same for a struct: moves its value out and leaves it empty. */
#define TAKE(value)                                                                                \
    ({                                                                                             \
        __typeof__(value) taken_ = (value);                                                        \
        (value) = (__typeof__(value)){};                                                           \
        taken_;                                                                                    \
    })

/* Defines NAMEp(), the cleanup form of a release function for pointers: `void f(T *)`. */
#define DEFINE_CLEANUP(type, function)                                                             \
    static inline void function##p(type *pointer)                                                  \
    {                                                                                              \
        if (*pointer)                                                                              \
            function(*pointer);                                                                    \
    }

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
