"""What is said of a wrong documents.sql, changed.sql or master.json: the exact message, and exit code 2.

Each text is what a terminal shows: the command, all of stderr, the exit code.
"""

import courses
import messages
import pytest
from messages import GOOD, table, transcript

pytestmark = pytest.mark.either

MASTER = courses.MASTER


@pytest.fixture(scope="module")
def school(postgres_server, engine, tmp_path_factory):
    """An application with the table course, a history, and no declaration; each test leaves it so."""
    yield from messages.school_without_declarations(postgres_server, engine, tmp_path_factory.mktemp("school"))


@pytest.fixture(autouse=True)
def tidy(school):
    yield
    messages.remove_declarations(school)


# ---- documents.sql


@table(
    (
        "unknown column",
        {"documents": "-- Übersicht\n\nSELECT id AS _id, 'ü' AS u,\n  upper(title) AS title, titel\nFROM course\n"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: line 4, column 26: source database: column "titel" does not exist
        HINT: Perhaps you meant to reference the column "course.title".
        exit code 2
        """,
    ),
    (
        "unknown table",
        {"documents": "SELECT id AS _id\nFROM curse\n"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: line 2, column 6: source database: relation "curse" does not exist
        exit code 2
        """,
    ),
    (
        "syntax error",
        {"documents": "SELECT id AS _id FROM course\nWHER true\n"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: line 2, column 6: source database: syntax error at or near "true"
        exit code 2
        """,
    ),
    (
        "several statements",
        {"documents": "SELECT id AS _id FROM course;\nSELECT course_id AS _id FROM deleted_course;\n"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: there is more than one statement in it
        HINT: Write one SELECT: join several with UNION ALL, or put what they prepare into WITH.
        exit code 2
        """,
    ),
    (
        "empty",
        {"documents": ""},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: there is no statement in it
        HINT: Write one SELECT whose rows are the documents, for example: SELECT id AS _id, updated_at AS _changed_at, title FROM course
        exit code 2
        """,
    ),
    (
        "only a comment",
        {"documents": "-- SELECT id AS _id FROM course;\n"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: there is no statement in it
        HINT: Write one SELECT whose rows are the documents, for example: SELECT id AS _id, updated_at AS _changed_at, title FROM course
        exit code 2
        """,
    ),
    (
        "no _id",
        {"documents": "SELECT id, title FROM course"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: there is no column _id
        HINT: Select what identifies a document, for example: SELECT id AS _id, ...
        exit code 2
        """,
    ),
    (
        "unknown _column",
        {"documents": "SELECT id AS _id, title AS _title FROM course"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: column _title: names that begin with "_" are reserved
        HINT: Known are _id, _changed_at, _deleted, _routing and _source; give the column another name with AS.
        exit code 2
        """,
    ),
    (
        "a column without a name",
        {"documents": "SELECT id AS _id, title, id + 1 FROM course"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: column 3 has no name
        HINT: Name it with AS: the name of a column is the name of a field.
        exit code 2
        """,
    ),
    (
        "duplicate column",
        {"documents": "SELECT id AS _id, title, upper(title) AS title FROM course"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: column title appears twice
        HINT: Give one of them another name with AS, or leave it out.
        exit code 2
        """,
    ),
    (
        "timestamp without zone",
        {"documents": "SELECT id AS _id, changed_at::timestamp AS _changed_at, title FROM course"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: column _changed_at is a timestamp without time zone
        HINT: Say which zone it is written in: "changed_at_zone": "UTC" in master.json.
        exit code 2
        """,
    ),
    (
        "_deleted of another type",
        {"documents": "SELECT id AS _id, 0 AS _deleted, title FROM course"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: column _deleted is integer, it must be boolean
        HINT: Cast it, or give the column a name that does not begin with "_".
        exit code 2
        """,
    ),
    (
        "ids of another type in changed.sql",
        {"changed": "SELECT changed_at AS _id FROM course WHERE changed_at >= $1"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: its _id is timestamp with time zone, that of documents.sql is integer
        HINT: Select the ids that documents.sql has as _id, in the same type.
        exit code 2
        """,
    ),
    (
        "a field beside _source",
        {"documents": "SELECT id AS _id, '{}'::json AS _source, title FROM course"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: _source is the whole document, so there cannot be a column title too
        HINT: Put the field into _source, or leave _source out.
        exit code 2
        """,
    ),
    (
        "a parameter",
        {"documents": "SELECT id AS _id, title FROM course WHERE changed_at >= $1"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: it must not have parameters such as $1
        HINT: The time of the last update goes to changed.sql as $1; documents.sql is compared with it by its column _changed_at.
        exit code 2
        """,
    ),
    (
        "a statement that writes",
        {"documents": "DELETE FROM course RETURNING id AS _id"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: it does not work as a subquery: source database: syntax error at or near "FROM"
        HINT: It must be one SELECT that writes nothing: it runs read only.
        exit code 2
        """,
    ),
)
def test_documents_sql(school, files, text):
    school.declare(MASTER, **{**GOOD, **files})
    transcript(school, text)


# ---- changed.sql


@table(
    (
        "unknown column",
        {"changed": "SELECT id AS _id FROM course\nWHERE altered_at >= $1\n"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: line 2, column 7: source database: column "altered_at" does not exist
        exit code 2
        """,
    ),
    (
        "several statements",
        {"changed": "SELECT 1 AS _id; SELECT 2 AS _id"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: there is more than one statement in it
        HINT: Write one SELECT: join several with UNION ALL, or put what they prepare into WITH.
        exit code 2
        """,
    ),
    (
        "empty",
        {"changed": "\n"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: there is no statement in it
        HINT: Remove the file, or write a SELECT of the ids of documents that may have changed, for example: SELECT course_id AS _id FROM lesson WHERE updated_at >= $1
        exit code 2
        """,
    ),
    (
        "two columns",
        {"changed": "SELECT id AS _id, title FROM course WHERE changed_at >= $1"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: it must return one column, _id
        HINT: It selects the ids of documents that may have changed, for example: SELECT course_id AS _id FROM lesson WHERE updated_at >= $1
        exit code 2
        """,
    ),
    (
        "two parameters",
        {"changed": "SELECT id AS _id FROM course WHERE changed_at >= $1 AND id > $2"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: it may have one parameter, $1
        HINT: $1 is the time since when changes are looked for, for example: SELECT course_id AS _id FROM lesson WHERE updated_at >= $1
        exit code 2
        """,
    ),
    (
        "a parameter of another type",
        {"changed": "SELECT id AS _id FROM course WHERE id >= $1"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: $1 is a timestamp with time zone, but it is used as something else
        HINT: Write $1::timestamptz, and convert it where the column has no zone: $1::timestamptz AT TIME ZONE 'UTC'.
        exit code 2
        """,
    ),
)
def test_changed_sql(school, files, text):
    school.declare(MASTER, **{**GOOD, **files})
    transcript(school, text)


# ---- master.json


@table(
    (
        "malformed",
        {"master": '{\n  "overlap": "5 seconds",\n}\n'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/master.json: line 3, column 1: expected '"'
        exit code 2
        """,
    ),
    (
        "unknown key",
        {"master": '{"overlapp": "5 seconds"}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/master.json: unknown key "overlapp"
        HINT: Known are source, overlap, changed_at_zone, max_document_bytes, range_documents, max_rejected, batch_bytes, max_in_flight, rate, compress, read_alias, write_alias, aliases, keep, retain, stop_indexing, resume_indexing, hook_timeout and require_stop_indexing.
        exit code 2
        """,
    ),
    (
        "duplicate key",
        {"master": '{"overlap": "5 seconds", "overlap": "6 seconds"}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/master.json: line 1, column 26: the key "overlap" appears twice
        exit code 2
        """,
    ),
    (
        "a number for a text",
        {"master": '{"overlap": 5}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/master.json: "overlap" must be a text
        exit code 2
        """,
    ),
    (
        "the private alias of an instance as a further one",
        {"master": '{"read_alias": "course_search-1.W1"}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/master.json: "read_alias": "course_search-1.W1" cannot be a further alias: so end the aliases through which esmigrate writes documents
        HINT: Give it another name, without the prefix, or take it out.
        exit code 2
        """,
    ),
    (
        "no duration",
        {"master": '{"overlap": "soon"}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/master.json: "overlap": "soon" is not a duration
        HINT: Write an interval as PostgreSQL does, for example "5 seconds" or "10 minutes".
        exit code 2
        """,
    ),
    (
        "no time zone",
        {"master": '{"changed_at_zone": "Nowhere/Land"}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/master.json: "changed_at_zone": "Nowhere/Land" is not a time zone
        HINT: Write a name that PostgreSQL knows, for example "UTC" or "Europe/Berlin".
        exit code 2
        """,
    ),
    (
        "source is no connection string",
        {"master": '{"source": "host=here secret"}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/master.json: "source" is not a connection string
        HINT: Write keyword=value pairs (host=... dbname=...) or a URI (postgresql://user@host/dbname).
        exit code 2
        """,
    ),
)
def test_master_json(school, files, text):
    school.declare(MASTER, **{**GOOD, **files})
    transcript(school, text)
