#include "output.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

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

void output_null(struct output *output, const char *shown)
{
    add_cell(output, x_strdup(shown), x_strdup("null"));
}

void output_int(struct output *output, int64_t number)
{
    if (number < 0)
        output_null(output, "?");
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

/* The row whose first cell is cells[first]. */
static void print_object(const struct output *output, size_t first)
{
    for (size_t c = 0; c < output->column_count; c++)
        printf("%s\"%s\": %s", c ? ", " : "{", output->columns[c].name,
               output->cells[first + c].json);
    putchar('}');
}

static void print_json(const struct output *output)
{
    for (size_t i = 0; i < output->count; i += output->column_count) {
        fputs(i ? ",\n  " : "[\n  ", stdout);
        print_object(output, i);
    }
    puts(output->count ? "\n]" : "[]");
}

/* ---- tables ---- */

/* In columns of the terminal. */
static size_t width_of(const char *text)
{
    size_t length = mbstowcs(NULL, text, 0);
    if (length == (size_t)-1)
        return strlen(text);
    wchar_t *wide = x_calloc(length + 1, sizeof(*wide));
    mbstowcs(wide, text, length + 1);
    int width = wcswidth(wide, length);
    free(wide);
    return width < 0 ? strlen(text) : (size_t)width;
}

/* The width of a column and its gap; 0 if all of its cells are empty. */
static size_t width_of_column(const struct output *output, size_t column)
{
    size_t heading = width_of(output->columns[column].name), widest = 0;
    for (size_t i = column; i < output->count; i += output->column_count) {
        size_t width = width_of(output->cells[i].shown);
        widest = width > widest ? width : widest;
    }
    if (!widest)
        return 0;
    return 1 + (widest > heading ? widest : heading);
}

/* Which columns the table has in a terminal of this width; false if nothing makes it fit. */
static bool fit(const struct output *output, size_t terminal_width, bool *shown)
{
    size_t *widths = x_calloc(output->column_count, sizeof(*widths)), total = 0;
    for (size_t c = 0; c < output->column_count; c++) {
        int flags = output->columns[c].flags;
        widths[c] = width_of_column(output, c);
        if ((flags & (COLUMN_JSON_ONLY | COLUMN_BELOW)) || ((flags & COLUMN_SPARE) && !widths[c]))
            shown[c] = false;
        if (!widths[c])
            widths[c] = 1 + strlen(output->columns[c].name);
        total += shown[c] ? widths[c] : 0;
    }
    for (size_t c = output->column_count; c-- > 0 && total > terminal_width + 1;)
        if (shown[c] && (output->columns[c].flags & COLUMN_SPARE)) {
            shown[c] = false;
            total -= widths[c];
        }
    free(widths);
    return total <= terminal_width + 1;
}

static struct libscols_table *make_table(const struct output *output, const bool *shown)
{
    struct libscols_table *table = scols_new_table();
    if (!table)
        __builtin_trap();
    for (size_t c = 0; c < output->column_count; c++)
        if (shown[c])
            scols_table_new_column(table, output->columns[c].name, 0,
                                   output->columns[c].flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0);
    for (size_t i = 0; i < output->count; i += output->column_count) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        size_t place = 0;
        if (!line)
            __builtin_trap();
        for (size_t c = 0; c < output->column_count; c++)
            if (shown[c])
                scols_line_set_data(line, place++, output->cells[i + c].shown);
    }
    return table;
}

static void print_below(const struct output *output, size_t row)
{
    for (size_t c = 0; c < output->column_count; c++) {
        const char *text = output->cells[row * output->column_count + c].shown;
        if ((output->columns[c].flags & COLUMN_BELOW) && *text)
            printf("    %s\n", text);
    }
}

/* libsmartcols prints one line for a row: control characters arrive escaped. */
static void print_on_terminal(const struct output *output, struct libscols_table *table)
{
    char *text = NULL;
    scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
    if (scols_print_table_to_string(table, &text) < 0)
        __builtin_trap();
    size_t number = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line; number++) {
        puts(line);
        if (number > 0)
            print_below(output, number - 1);
    }
    free(text);
}

/* Without columns that have any of the `hidden` flags. */
static void print_upright(const struct output *output, int hidden)
{
    for (size_t i = 0; i < output->count; i++) {
        const struct column *column = &output->columns[i % output->column_count];
        if (i && column == output->columns)
            putchar('\n');
        if (*output->cells[i].shown && !(column->flags & hidden))
            printf("%-16s %s\n", column->name, output->cells[i].shown);
    }
}

static void print_table(const struct output *output)
{
    struct winsize size = {};
    bool terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    bool *shown = x_calloc(output->column_count, sizeof(*shown));
    for (size_t c = 0; c < output->column_count; c++)
        shown[c] = !(output->columns[c].flags & COLUMN_JSON_ONLY);
    scols_init_debug(0);
    if (terminal && !fit(output, size.ws_col ? size.ws_col : 80, shown)) {
        print_upright(output, COLUMN_JSON_ONLY);
    } else {
        struct libscols_table *table = make_table(output, shown);
        if (terminal)
            print_on_terminal(output, table);
        else
            scols_print_table(table);
        scols_unref_table(table);
    }
    free(shown);
}

void output_close(struct output *output)
{
    if (output->format == OUTPUT_JSON)
        print_json(output);
    else if (output->count)
        print_table(output);
    release(output);
}

void output_close_object(struct output *output)
{
    print_object(output, 0);
    putchar('\n');
    release(output);
}

void output_close_upright(struct output *output)
{
    print_upright(output, 0);
    release(output);
}
