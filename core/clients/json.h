/*
 * JSON trees and texts; the only user of json-c. Documents never pass through a tree.
 * A value got out of another one belongs to that one.
 */
#ifndef ESMIGRATE_CLIENTS_JSON_H
#define ESMIGRATE_CLIENTS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

struct json_object; /* json-c's */
typedef struct json_object json;

/* The text must be NUL-terminated at `length`. One JSON value, with white space around it, as
 * strictly as json-c reads it (it takes NaN, single quotes and superfluous zeros); NULL and
 * ERR_FAILED with the place if not. The caller's. */
json *json_parse(const char *text, size_t length, struct error *err);
void json_free(json *value);
DEFINE_CLEANUP(json *, json_free)

bool json_is_object(const json *value);
bool json_is_array(const json *value);
bool json_is_string(const json *value);

/* Follows keys from an object, "a", "b" = value.a.b; NULL if one is missing. */
json *json_get(const json *value, const char *key);
json *json_path(const json *value, const char *const *keys, size_t count);
#define JSON_PATH(value, ...)                                                                      \
    json_path((value), (const char *const[]){__VA_ARGS__},                                         \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Fallbacks for a value that is missing or of another type. */
const char *json_text(const json *value, const char *fallback);
int64_t json_int(const json *value, int64_t fallback);
double json_number(const json *value, double fallback); /* whole or not */
bool json_flag(const json *value, bool fallback);

size_t json_length(const json *array);
json *json_at(const json *array, size_t index);

/* Calls visit for each member of an object, in order; stops and returns what it returns if not 0.
 */
int json_each(const json *object, int (*visit)(const char *key, json *value, void *data),
              void *data);

/* ---- building; a value put into another one belongs to it ---- */
json *json_new_object(void);
json *json_new_array(void);
json *json_new_text(const char *text);
void json_put(json *object, const char *key, json *value);
void json_push(json *array, json *value);
/* The object at `key`, made if it is missing; NULL if another type stands there. */
json *json_object_at(json *object, const char *key);

/* The compact text; the caller's (free()). */
char *json_write(const json *value);

/* A quoted and escaped string, written without a tree. The bytes are taken to be UTF-8. */
void json_write_string(struct buffer *out, const char *text, size_t length);

#endif
