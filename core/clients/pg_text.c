#include "clients/pg_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "clients/postgres.h"

char *pg_one_line(const char *text)
{
    if (!text)
        return NULL;
    size_t length = strlen(text);
    while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
        length--;
    char *line = x_strndup(text, length);
    for (char *c = line; *c; c++)
        if (*c == '\n')
            *c = ' ';
    return line;
}

char *pg_array(const char *const *texts, size_t count)
{
    struct buffer array = BUFFER(BUFFER_TEXT_MAX);
    buffer_char(&array, '{');
    for (size_t i = 0; i < count; i++) {
        buffer_text(&array, i ? ",\"" : "\"");
        for (const char *c = texts[i]; *c; c++) {
            if (*c == '"' || *c == '\\')
                buffer_char(&array, '\\');
            buffer_char(&array, *c);
        }
        buffer_char(&array, '"');
    }
    buffer_char(&array, '}');
    return buffer_take(&array);
}

struct pg_number pg_number(int64_t value)
{
    struct pg_number number;
    snprintf(number.text, sizeof(number.text), "%" PRId64, value);
    return number;
}

int64_t pg_int(const struct pg_rows *rows, size_t row, const char *column)
{
    const char *text = pg_text(rows, row, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

bool pg_bool(const struct pg_rows *rows, size_t row, const char *column)
{
    const char *text = pg_text(rows, row, column);
    return text && *text == 't';
}
