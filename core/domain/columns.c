#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "clients/postgres.h"
#include "domain/declaration.h"
#include "domain/type_oids.h"

/* Not so numeric (1.0 = 1), citext, floats, intervals. */
static bool is_exact(unsigned int type_oid)
{
    static const unsigned int exact[] = {
        INT8_OID, INT4_OID,  TEXT_OID, VARCHAR_OID,   UUID_OID,           INT2_OID, BPCHAR_OID,
        NAME_OID, BYTEA_OID, DATE_OID, TIMESTAMP_OID, PG_TIMESTAMPTZ_OID, BOOL_OID, OID_OID,
    };
    for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
        if (exact[i] == type_oid)
            return true;
    return false;
}

/* The scale of a numeric shows in the text; the length of another type would only cut. */
static char *cast_of(const struct pg_column *column)
{
    int packed = column->modifier - 4; /* precision << 16 | scale (utils/adt/numeric.c) */
    if (column->type_oid != NUMERIC_OID || packed < 0)
        return x_strdup(column->type);
    return x_printf("numeric(%d,%d)", packed >> 16, ((packed & 0x7ff) ^ 0x400) - 0x400);
}

void document_columns_release(struct document_columns *columns)
{
    free(columns->id_type);
    free(columns->id_cast);
    for (size_t i = 0; i < columns->field_count; i++)
        free(columns->fields[i].name);
    free(columns->fields);
    *columns = (struct document_columns){};
}

static int wrong_type(const struct pg_column *column, const char *place, const char *wanted,
                      struct error *err)
{
    error_set(err, ERR_USAGE, "%s: column %s is %s, it must be %s", place, column->name,
              column->type, wanted);
    return error_hint(err, "Cast it, or give the column a name that does not begin with \"_\".");
}

static int read_changed_at(const struct pg_column *column, const char *zone, const char *place,
                           struct document_columns *columns, struct error *err)
{
    columns->has_changed_at = true;
    columns->changed_at_has_zone = column->type_oid == PG_TIMESTAMPTZ_OID;
    if (column->type_oid != PG_TIMESTAMPTZ_OID && column->type_oid != TIMESTAMP_OID)
        return wrong_type(column, place, "timestamp with time zone", err);
    if (!columns->changed_at_has_zone && !zone) {
        error_set(err, ERR_USAGE, "%s: column _changed_at is a timestamp without time zone", place);
        return error_hint(err, "Say which zone it is written in: \"changed_at_zone\": \"UTC\" in "
                               "master.json.");
    }
    return 0;
}

static int read_reserved(const struct pg_column *column, const char *zone, const char *place,
                         struct document_columns *columns, struct error *err)
{
    if (strcmp(column->name, "_id") == 0) {
        columns->id_type = x_strdup(column->type);
        columns->id_type_oid = column->type_oid;
        columns->id_table = column->table_oid;
        columns->id_column = column->table_column;
        columns->id_cast = cast_of(column);
        columns->id_is_exact = is_exact(column->type_oid);
        return 0;
    }
    if (strcmp(column->name, "_changed_at") == 0)
        return read_changed_at(column, zone, place, columns, err);
    if (strcmp(column->name, "_deleted") == 0) {
        columns->has_deleted = true;
        return column->type_oid == BOOL_OID ? 0 : wrong_type(column, place, "boolean", err);
    }
    if (strcmp(column->name, "_routing") == 0) {
        columns->has_routing = true;
        return 0;
    }
    if (strcmp(column->name, "_source") == 0) {
        columns->has_source = true;
        return column->type_oid == JSON_OID || column->type_oid == JSONB_OID
                   ? 0
                   : wrong_type(column, place, "json or jsonb", err);
    }
    error_set(err, ERR_USAGE, "%s: column %s: names that begin with \"_\" are reserved", place,
              column->name);
    return error_hint(err, "Known are _id, _changed_at, _deleted, _routing and _source; give the "
                           "column another name with AS.");
}

static int read_field(const struct pg_column *column, size_t number, const char *place,
                      struct document_columns *columns, struct error *err)
{
    if (!*column->name || strcmp(column->name, "?column?") == 0) {
        error_set(err, ERR_USAGE, "%s: column %zu has no name", place, number);
        return error_hint(err, "Name it with AS: the name of a column is the name of a field.");
    }
    columns->fields =
        x_realloc(columns->fields, (columns->field_count + 1) * sizeof(*columns->fields));
    columns->fields[columns->field_count++] = (struct document_field){
        .name = x_strdup(column->name),
        .type_oid = column->type_oid,
        .form = json_form_of(column->type_oid),
    };
    return 0;
}

static int check_unique(const struct pg_description *description, size_t at, const char *place,
                        struct error *err)
{
    const char *name = description->columns[at].name;
    for (size_t i = 0; i < at; i++) {
        if (strcmp(description->columns[i].name, name) != 0)
            continue;
        error_set(err, ERR_USAGE, "%s: column %s appears twice", place, name);
        return error_hint(err, "Give one of them another name with AS, or leave it out.");
    }
    return 0;
}

int document_columns_read(const struct pg_description *description, const char *zone,
                          const char *place, struct document_columns *ret_columns,
                          struct error *err)
{
    struct document_columns columns = {};
    int result = 0;
    for (size_t i = 0; i < description->count && result == 0; i++) {
        const struct pg_column *column = &description->columns[i];
        result = check_unique(description, i, place, err);
        if (result == 0)
            result = column->name[0] == '_' ? read_reserved(column, zone, place, &columns, err)
                                            : read_field(column, i + 1, place, &columns, err);
    }
    if (result == 0 && description->parameters) {
        result = error_set(err, ERR_USAGE, "%s: it must not have parameters such as $1", place);
        error_hint(err, "The time of the last update goes to changed.sql as $1; documents.sql is "
                        "compared with it by its column _changed_at.");
    }
    if (result == 0 && !columns.id_type) {
        result = error_set(err, ERR_USAGE, "%s: there is no column _id", place);
        error_hint(err, "Select what identifies a document, for example: SELECT id AS _id, ...");
    }
    if (result == 0 && columns.has_source && columns.field_count) {
        result = error_set(err, ERR_USAGE,
                           "%s: _source is the whole document, so there cannot be a column %s too",
                           place, columns.fields[0].name);
        error_hint(err, "Put the field into _source, or leave _source out.");
    }
    if (result < 0) {
        document_columns_release(&columns);
        return -1;
    }
    *ret_columns = columns;
    return 0;
}
