/*
 * The result on stdout: a table for people (libsmartcols), or one JSON array for programs.
 * Both come from the same rows; a column may be for one of them only.
 *
 * In a pipe the table has all of its columns, whatever their width. On a terminal it is fitted to
 * it: spare columns with nothing in them and then, from the last one on, as many as need be are
 * left out; if that is not enough, each row is shown upright, as "name value" lines.
 */
#ifndef ESMIGRATE_CLI_OUTPUT_H
#define ESMIGRATE_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_format { OUTPUT_TABLE, OUTPUT_JSON };

enum column_flags {
    COLUMN_RIGHT = 1,     /* numbers */
    COLUMN_JSON_ONLY = 2, /* too wide or too rare for the table */
    COLUMN_SPARE = 4,     /* may be left out on a narrow terminal, the last one first */
    COLUMN_BELOW = 8,     /* on a terminal on a line of its own below the row */
};

struct column {
    const char *name; /* in JSON; the heading too */
    int flags;
    const char *help;
};

struct output;

/* `columns` ends with one whose name is NULL. */
struct output *output_open(enum output_format format, const struct column *columns);

/* Begins a row; its cells follow in the order of the columns. */
void output_row(struct output *output);
void output_text(struct output *output, const char *text);  /* NULL: null, empty */
void output_null(struct output *output, const char *shown); /* null; the table shows the text */
void output_int(struct output *output, int64_t number);     /* negative: null, "?" */
void output_number(struct output *output, int number);      /* 0: null, empty */
void output_bool(struct output *output, bool value);        /* the table shows "yes" or nothing */
void output_time(struct output *output, const char *time);  /* RFC 3339; the table to seconds */
void output_seconds(struct output *output, double seconds);
void output_json(struct output *output, const char *json); /* a JSON text as it stands */

/* Prints and releases. */
void output_close(struct output *output);

/* As output_close() of JSON, the one row as an object without an array around it. */
void output_close_object(struct output *output);

/* As output_close() of a table, each row upright: as "name: value" lines. */
void output_close_upright(struct output *output);

#endif
