#include "domain/track.h"

#include <ctype.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/memory.h"
#include "clients/postgres.h"

enum {
    LONGEST_IDENTIFIER = 63, /* bytes; PostgreSQL cuts what is longer */
    DIGEST_DIGITS = 8,
    LONGEST_STEM = LONGEST_IDENTIFIER - (int)sizeof("_truncate") - DIGEST_DIGITS,
};

/* ---- pieces ---- */

/* Lower case, and "_" for what an identifier without quotes cannot have. */
static void append_legible(struct buffer *out, const char *text)
{
    for (const char *c = text; *c; c++)
        buffer_char(out, isascii((unsigned char)*c) && isalnum((unsigned char)*c)
                             ? (char)tolower((unsigned char)*c)
                             : '_');
}

char *tracker_name(const struct tracker *tracker)
{
    _cleanup_(buffer_release) struct buffer whole = BUFFER(BUFFER_TEXT_MAX);
    const char *const parts[] = {tracker->master, tracker->table, tracker->expression};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        buffer_append(&whole, parts[i], strlen(parts[i]) + 1);
    char digest[SHA256_HEX_SIZE];
    sha256_hex(whole.data, whole.length, digest);

    struct buffer name = BUFFER(BUFFER_TEXT_MAX);
    append_legible(&name, tracker->master);
    buffer_char(&name, '_');
    append_legible(&name, tracker->plain);
    if (name.length > LONGEST_STEM)
        buffer_truncate(&name, LONGEST_STEM);
    buffer_printf(&name, "_%.*s", DIGEST_DIGITS, digest);
    return buffer_take(&name);
}

/* A literal that means the same whatever standard_conforming_strings says. */
static char *literal(const char *text)
{
    struct buffer out = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&out, strchr(text, '\\') ? "E'" : "'");
    for (const char *c = text; *c; c++) {
        if (*c == '\'' || *c == '\\')
            buffer_char(&out, *c);
        buffer_char(&out, *c);
    }
    buffer_char(&out, '\'');
    return buffer_take(&out);
}

/* For a line that begins with "--". */
static char *one_line(const char *text)
{
    char *line = x_strdup(text);
    for (char *c = line; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    return line;
}

/* A dollar quote that is not in the text. */
static char *dollar_quote(const char *text)
{
    char *quote = x_strdup("$esmigrate$");
    for (int i = 1; strstr(text, quote); i++) {
        free(quote);
        quote = x_printf("$esmigrate_%d$", i);
    }
    return quote;
}

/*
 * The ids of the rows of `relation`, up to the expression and whole. The expression stands in a
 * subquery without FROM of its own: it may return several rows (unnest) and it may not aggregate
 * over the table. The line break behind it ends a comment in it.
 */
static char *before_expression(const struct tracker *tracker, const char *relation)
{
    return x_printf("SELECT esmigrate_i.doc_id FROM %s AS %s CROSS JOIN LATERAL (\n"
                    "            SELECT (",
                    relation, tracker->alias);
}

static char *ids_of(const struct tracker *tracker, const char *relation)
{
    _cleanup_free_ char *before = before_expression(tracker, relation);
    return x_printf("%s%s\n            )::pg_catalog.text AS doc_id) AS esmigrate_i", before,
                    tracker->expression);
}

char *tracker_probe(const struct tracker *tracker, int *ret_position)
{
    _cleanup_free_ char *before = before_expression(tracker, tracker->table);
    *ret_position = 0;
    for (const char *c = before; *c; c++)
        if (((unsigned char)*c & 0xc0) != 0x80)
            ++*ret_position;
    return ids_of(tracker, tracker->table);
}

char *tracker_bare_probe(const struct tracker *tracker)
{
    return x_printf("SELECT esmigrate_i.* FROM %s AS %s CROSS JOIN LATERAL (SELECT %s\n"
                    ") AS esmigrate_i",
                    tracker->table, tracker->alias, tracker->expression);
}

/* ---- the DDL ---- */

static void add_heading(struct buffer *sql, const struct tracker *tracker)
{
    _cleanup_free_ char *table = one_line(tracker->table);
    buffer_printf(
        sql,
        "-- Made by esmigrate es_track for the index %s: each change of %s,\n"
        "-- whichever SQL makes it, is recorded in esmigrate_source.change with the _id of the\n"
        "-- document that it concerns. It may be run again. Run it as the owner of the table and\n"
        "-- in one transaction. CREATE TRIGGER waits until running writers of the table have\n"
        "-- ended, and later ones wait for it: set lock_timeout before, for example to '5s'.\n"
        "-- DROP SCHEMA esmigrate_source CASCADE takes back all that es_track ever made.\n\n",
        tracker->master, table);
}

/* What all trackers of a database share. Only what is missing is made: whoever adds a tracker need
 * not be the owner of the schema. */
static void add_shared(struct buffer *sql)
{
    buffer_text(
        sql,
        "DO $esmigrate$\n"
        "BEGIN\n"
        "    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace\n"
        "                   WHERE nspname = 'esmigrate_source') THEN\n"
        "        CREATE SCHEMA esmigrate_source;\n"
        "        COMMENT ON SCHEMA esmigrate_source IS\n"
        "            'What esmigrate needs in a database that its indexes are filled from.';\n"
        "    END IF;\n"
        "    IF pg_catalog.to_regclass('esmigrate_source.tracker') IS NULL THEN\n"
        "        CREATE TABLE esmigrate_source.tracker (\n"
        "            name text PRIMARY KEY,\n"
        "            master text NOT NULL,\n"
        "            source_table text NOT NULL,\n"
        "            id_expression text NOT NULL,\n"
        "            began_at timestamptz NOT NULL,\n"
        "            pruned_up_to timestamptz\n"
        "        );\n"
        "        COMMENT ON TABLE esmigrate_source.tracker IS 'Tables whose changes are recorded, "
        "one row per index and expression.';\n"
        "        COMMENT ON COLUMN esmigrate_source.tracker.name IS 'Also of its function in this "
        "schema, and the beginning of the names of its triggers.';\n"
        "        COMMENT ON COLUMN esmigrate_source.tracker.master IS 'The index that its changes "
        "concern.';\n"
        "        COMMENT ON COLUMN esmigrate_source.tracker.source_table IS 'The table that has "
        "the triggers.';\n"
        "        COMMENT ON COLUMN esmigrate_source.tracker.id_expression IS 'Over a row of it: "
        "the _id of the document.';\n"
        "        COMMENT ON COLUMN esmigrate_source.tracker.began_at IS 'No earlier change was "
        "recorded.';\n"
        "        COMMENT ON COLUMN esmigrate_source.tracker.pruned_up_to IS 'Records of changes "
        "before this time were removed; null: none were.';\n"
        "    END IF;\n"
        "    IF pg_catalog.to_regclass('esmigrate_source.change') IS NULL THEN\n"
        "        CREATE TABLE esmigrate_source.change (\n"
        "            tracker text NOT NULL,\n"
        "            doc_id text NOT NULL,\n"
        "            changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()\n"
        "        );\n"
        "        CREATE INDEX change_tracker_changed_at\n"
        "            ON esmigrate_source.change (tracker, changed_at);\n"
        "        COMMENT ON TABLE esmigrate_source.change IS 'Documents whose rows changed; kept "
        "until es_track --prune.';\n"
        "        COMMENT ON COLUMN esmigrate_source.change.tracker IS 'Which tracker saw it.';\n"
        "        COMMENT ON COLUMN esmigrate_source.change.doc_id IS 'The _id of the "
        "document.';\n"
        "        COMMENT ON COLUMN esmigrate_source.change.changed_at IS 'When; never before its "
        "transaction began.';\n"
        "    END IF;\n"
        "END\n"
        "$esmigrate$;\n\n");
}

static char *recording(const char *name, const char *ids)
{
    return x_printf("INSERT INTO esmigrate_source.change (tracker, doc_id)\n"
                    "        SELECT DISTINCT '%s', c.doc_id FROM (\n"
                    "        %s) c\n"
                    "        WHERE c.doc_id IS NOT NULL",
                    name, ids);
}

static void add_branch(struct buffer *body, const char *name, const char *operation,
                       const char *ids)
{
    _cleanup_free_ char *statement = recording(name, ids);
    buffer_printf(body,
                  "    %s TG_OP = '%s' THEN\n"
                  "        %s;\n",
                  strcmp(operation, "INSERT") == 0 ? "IF" : "ELSIF", operation, statement);
}

/* Of all the rows, of the table under the name that it has then. */
static void add_truncate_branch(struct buffer *body, const struct tracker *tracker,
                                const char *name)
{
    static const char place[] = "\001"; /* of the name: in no text of PostgreSQL's */
    _cleanup_free_ char *ids = ids_of(tracker, place);
    _cleanup_free_ char *statement = recording(name, ids);
    char *at = strchr(statement, *place);
    _cleanup_free_ char *rest = literal(at + 1);
    *at = '\0';
    _cleanup_free_ char *begin = literal(statement);
    buffer_printf(
        body,
        "    ELSIF TG_OP = 'TRUNCATE' THEN\n"
        "        EXECUTE %s\n"
        "            OPERATOR(pg_catalog.||) TG_RELID::pg_catalog.regclass::pg_catalog.text\n"
        "            OPERATOR(pg_catalog.||) %s;\n",
        begin, rest);
}

/* What the triggers run, with the rights of its owner: whoever may write to the table needs no
 * others. A name of the row's columns goes before one of plpgsql's. */
static char *function_body(const struct tracker *tracker, const char *name)
{
    _cleanup_free_ char *old = ids_of(tracker, "esmigrate_old");
    _cleanup_free_ char *new = ids_of(tracker, "esmigrate_new");
    _cleanup_free_ char *both = x_printf("%s\n        UNION ALL\n        %s", old, new);
    struct buffer body = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&body, "\n#variable_conflict use_column\nBEGIN\n");
    add_branch(&body, name, "INSERT", new);
    add_branch(&body, name, "UPDATE", both);
    add_branch(&body, name, "DELETE", old);
    add_truncate_branch(&body, tracker, name);
    buffer_text(&body, "    END IF;\n    RETURN NULL;\nEND\n");
    return buffer_take(&body);
}

static void add_function(struct buffer *sql, const struct tracker *tracker, const char *name)
{
    _cleanup_free_ char *body = function_body(tracker, name);
    _cleanup_free_ char *quote = dollar_quote(body);
    _cleanup_free_ char *text =
        x_printf("%s: %s of %s", tracker->master, tracker->expression, tracker->table);
    _cleanup_free_ char *comment = literal(text);
    buffer_printf(sql,
                  "CREATE OR REPLACE FUNCTION esmigrate_source.%s() RETURNS trigger\n"
                  "    LANGUAGE plpgsql SECURITY DEFINER\n"
                  "    SET search_path = pg_catalog, pg_temp SET row_security = off\n"
                  "    SET standard_conforming_strings = on",
                  name);
    /* An _id is to be the same text whoever writes, and as documents.sql has it. */
    for (const struct pg_setting *pinned = pg_value_settings; pinned->name; pinned++)
        buffer_printf(sql, "\n    SET %s = %s", pinned->name, pinned->value);
    buffer_printf(sql,
                  " AS %s%s%s;\n"
                  "COMMENT ON FUNCTION esmigrate_source.%s() IS %s;\n"
                  "REVOKE ALL ON FUNCTION esmigrate_source.%s() FROM PUBLIC;\n\n",
                  quote, body, quote, name, comment, name);
}

static void add_trigger(struct buffer *body, const struct tracker *tracker, const char *name,
                        const char *operation, const char *event, const char *transition)
{
    buffer_printf(body,
                  "        CREATE TRIGGER %s_%s %s ON %s%s\n"
                  "            FOR EACH STATEMENT EXECUTE FUNCTION esmigrate_source.%s();\n"
                  "        ALTER TABLE %s ENABLE ALWAYS TRIGGER %s_%s;\n",
                  name, operation, event, tracker->table, transition, name, tracker->table, name,
                  operation);
}

/*
 * All four or none, and the time since when they are there: the lock of CREATE TRIGGER is held
 * then, so that every earlier change is committed. Triggers that are as they should be are left
 * alone: DROP TRIGGER, even IF EXISTS, would lock readers out too.
 */
static void add_triggers(struct buffer *sql, const struct tracker *tracker, const char *name)
{
    _cleanup_(buffer_release) struct buffer body = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *table = literal(tracker->table);
    _cleanup_free_ char *master = literal(tracker->master);
    _cleanup_free_ char *expression = literal(tracker->expression);
    buffer_printf(
        &body,
        "\nDECLARE\n"
        "    wanted constant text[] := ARRAY['%s_insert', '%s_update', '%s_delete',\n"
        "        '%s_truncate'];\n"
        "    stale text;\n"
        "BEGIN\n"
        "    IF (SELECT count(*) FROM pg_catalog.pg_trigger\n"
        "        WHERE tgrelid = %s::pg_catalog.regclass AND tgname = ANY (wanted)\n"
        "          AND tgenabled = 'A') < 4\n"
        "       OR NOT EXISTS (SELECT FROM esmigrate_source.tracker WHERE name = '%s') THEN\n"
        "        FOR stale IN SELECT tgname FROM pg_catalog.pg_trigger\n"
        "                   WHERE tgrelid = %s::pg_catalog.regclass AND tgname = ANY (wanted) "
        "LOOP\n"
        "            EXECUTE pg_catalog.format('DROP TRIGGER %%I ON %%s', stale, %s);\n"
        "        END LOOP;\n",
        name, name, name, name, table, name, table, table);
    add_trigger(&body, tracker, name, "insert", "AFTER INSERT",
                "\n            REFERENCING NEW TABLE AS esmigrate_new");
    add_trigger(&body, tracker, name, "update", "AFTER UPDATE",
                "\n            REFERENCING OLD TABLE AS esmigrate_old NEW TABLE AS esmigrate_new");
    add_trigger(&body, tracker, name, "delete", "AFTER DELETE",
                "\n            REFERENCING OLD TABLE AS esmigrate_old");
    add_trigger(&body, tracker, name, "truncate", "BEFORE TRUNCATE", "");
    buffer_printf(&body,
                  "        INSERT INTO esmigrate_source.tracker AS t\n"
                  "            (name, master, source_table, id_expression, began_at)\n"
                  "        VALUES ('%s', %s, %s, %s,\n"
                  "            pg_catalog.clock_timestamp())\n"
                  "        ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at;\n"
                  "    END IF;\n"
                  "END\n",
                  name, master, table, expression);
    _cleanup_free_ char *quote = dollar_quote(buffer_cstr(&body));
    buffer_printf(sql, "DO %s%s%s;\n\n", quote, buffer_cstr(&body), quote);
}

char *tracker_ddl(const struct tracker *tracker)
{
    _cleanup_free_ char *name = tracker_name(tracker);
    struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    add_heading(&sql, tracker);
    add_shared(&sql);
    add_function(&sql, tracker, name);
    add_triggers(&sql, tracker, name);
    buffer_printf(&sql,
                  "-- The role that esmigrate reads the source as:\n"
                  "GRANT USAGE ON SCHEMA esmigrate_source TO %s;\n"
                  "GRANT SELECT ON esmigrate_source.change, esmigrate_source.tracker TO %s;\n",
                  tracker->reader, tracker->reader);
    return buffer_take(&sql);
}

char *tracker_changed_sql(const struct tracker *tracker)
{
    _cleanup_free_ char *name = tracker_name(tracker);
    bool is_text = strcmp(tracker->id_type, "text") == 0;
    return x_printf("SELECT doc_id%s%s AS _id FROM esmigrate_source.change WHERE tracker = '%s' "
                    "AND changed_at >= $1",
                    is_text ? "" : "::", is_text ? "" : tracker->id_type, name);
}
