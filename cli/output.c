#include "output.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "clients/json.h"
#include "domain/history.h"

struct cell {
    char *shown; /* in the table */
    char *json;
};

struct output {
    enum output_format format;
    const struct column *columns;
    size_t column_count;
    struct cell *cells; /* row after row */
    size_t count;
    size_t capacity;
};

struct output *output_open(enum output_format format, const struct column *columns)
{
    struct output *output = x_calloc(1, sizeof(*output));
    output->format = format;
    output->columns = columns;
    while (columns[output->column_count].name)
        output->column_count++;
    return output;
}

void output_row(struct output *output)
{
    if (output->count % output->column_count)
        __builtin_trap(); /* the row before has not all of its cells */
}

/* Takes over both. */
static void add_cell(struct output *output, char *shown, char *text_of_json)
{
    output->cells = x_grow(output->cells, output->count, &output->capacity, sizeof(struct cell));
    output->cells[output->count++] = (struct cell){.shown = shown, .json = text_of_json};
}

static char *quoted(const char *text)
{
    struct buffer out = BUFFER(BUFFER_TEXT_MAX);
    json_write_string(&out, text, strlen(text));
    return buffer_take(&out);
}

void output_text(struct output *output, const char *text)
{
    add_cell(output, x_strdup(text ? text : ""), text ? quoted(text) : x_strdup("null"));
}

void output_int(struct output *output, int64_t number)
{
    if (number < 0)
        add_cell(output, x_strdup("?"), x_strdup("null"));
    else
        add_cell(output, x_printf("%" PRId64, number), x_printf("%" PRId64, number));
}

void output_number(struct output *output, int number)
{
    if (number)
        output_int(output, number);
    else
        output_text(output, NULL);
}

void output_bool(struct output *output, bool value)
{
    add_cell(output, x_strdup(value ? "yes" : ""), x_strdup(value ? "true" : "false"));
}

void output_time(struct output *output, const char *time)
{
    _cleanup_free_ char *exact = time_rfc3339(time);
    if (!exact) {
        output_text(output, NULL);
        return;
    }
    char *shown = x_strdup(exact);
    char *fraction = strchr(shown, '.');
    if (fraction) {
        fraction[0] = 'Z';
        fraction[1] = '\0';
    }
    add_cell(output, shown, quoted(exact));
}

void output_seconds(struct output *output, double seconds)
{
    add_cell(output, x_printf("%.1f", seconds), x_printf("%.3f", seconds));
}

void output_json(struct output *output, const char *text_of_json)
{
    const char *text = text_of_json ? text_of_json : "null";
    add_cell(output, x_strdup(text), x_strdup(text));
}

static void release(struct output *output)
{
    for (size_t i = 0; i < output->count; i++) {
        free(output->cells[i].shown);
        free(output->cells[i].json);
    }
    free(output->cells);
    free(output);
}

static void print_json(const struct output *output)
{
    for (size_t i = 0; i < output->count; i++) {
        size_t column = i % output->column_count;
        if (column == 0)
            fputs(i ? ",\n  {" : "[\n  {", stdout);
        printf("%s\"%s\": %s", column ? ", " : "", output->columns[column].name,
               output->cells[i].json);
        if (column + 1 == output->column_count)
            putchar('}');
    }
    puts(output->count ? "\n]" : "[]");
}

static void fill_table(const struct output *output, struct libscols_table *table)
{
    for (size_t i = 0; i < output->count; i += output->column_count) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        size_t place = 0;
        if (!line)
            __builtin_trap();
        for (size_t c = 0; c < output->column_count; c++)
            if (!(output->columns[c].flags & COLUMN_JSON_ONLY))
                scols_line_set_data(line, place++, output->cells[i + c].shown);
    }
}

static void print_table(const struct output *output)
{
    scols_init_debug(0);
    struct libscols_table *table = scols_new_table();
    if (!table)
        __builtin_trap();
    for (size_t c = 0; c < output->column_count; c++) {
        const struct column *column = &output->columns[c];
        int flags = ((column->flags & COLUMN_RIGHT) ? SCOLS_FL_RIGHT : 0) |
                    ((column->flags & COLUMN_TRUNCATE) ? SCOLS_FL_TRUNC : 0);
        if (!(column->flags & COLUMN_JSON_ONLY))
            scols_table_new_column(table, column->name, 0, flags);
    }
    fill_table(output, table);
    scols_print_table(table);
    scols_unref_table(table);
}

void output_close(struct output *output)
{
    if (output->format == OUTPUT_JSON)
        print_json(output);
    else if (output->count)
        print_table(output);
    release(output);
}

void output_close_upright(struct output *output)
{
    for (size_t i = 0; i < output->count; i++)
        if (*output->cells[i].shown)
            printf("%-16s %s\n", output->columns[i % output->column_count].name,
                   output->cells[i].shown);
    release(output);
}
