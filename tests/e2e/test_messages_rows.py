"""What is said of rows: those that a run cannot take, and those that the engine refuses.

Each text is what a terminal shows: the command, all of stderr, the exit code.
"""

import re

import courses
import pytest
from messages import at_home, said, transcript

pytestmark = pytest.mark.either

MASTER = courses.MASTER
QUERY = (
    "SELECT d.doc_id, d.reason FROM esmigrate.rejected_document d"
    " JOIN esmigrate.index_instance i ON i.id = d.instance_id WHERE i.index_name = 'qa_course_search-1'"
)


@pytest.fixture
def school(app):
    """An application in its project folder."""
    return at_home(app)


def test_a_row_without_an_id(school):
    courses.filled(school, documents="SELECT nullif(id, 9) AS _id, changed_at AS _changed_at, title FROM course")
    school.sql("INSERT INTO course VALUES (9, 'Nine')")
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: qa_course_search-1 has no changed.sql: rows that are gone are found by --full only
        esmigrate: error: qa_course_search-1: documents.sql returned a row whose _id is null
        DETAIL: changed_through stays at TIME.
        HINT: Mend that row in the source and run the same command again; or leave such rows out with WHERE in documents.sql, and make a new instance with es_create.
        exit code 1
        """,
    )


def test_a_row_that_the_source_cannot_compute(school):
    courses.filled(
        school,
        index="{}",
        documents="SELECT id AS _id, changed_at AS _changed_at, 1 / (9 - id) AS rank FROM course",
        changed="SELECT id AS _id FROM course WHERE changed_at >= $1 AND 1 / (8 - id) IS NOT NULL",
    )
    school.sql("INSERT INTO course VALUES (9, 'Nine')")
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: error: qa_course_search-1: documents.sql: source database: division by zero
        DETAIL: changed_through stays at TIME.
        exit code 5
        """,
    )
    school.sql("UPDATE course SET id = 8 WHERE id = 9")
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: error: qa_course_search-1: changed.sql: source database: division by zero
        DETAIL: changed_through stays at TIME.
        exit code 5
        """,
    )


def test_duplicate_ids(school):
    documents = "SELECT id % 2 AS _id, changed_at AS _changed_at, title FROM course"
    courses.created(school, documents=documents)
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: qa_course_search-1: it is not filled yet, so this update is a full one
        esmigrate: error: index "qa_course_search-1": documents.sql returns the same _id more than once
        DETAIL: For example: 1.
        HINT: Mend the rows, then: esmigrate es_update course_search-1 --full. Or make _id unique in documents.sql, then: esmigrate es_create course_search
        exit code 1
        """,
    )


def test_rejected_documents(school):
    documents = "SELECT id AS _id, changed_at AS _changed_at, CASE WHEN id > 2 THEN title END AS rank FROM course"
    index = {"mappings": {"properties": {"rank": {"type": "integer"}}}}
    courses.created(school, index=index, documents=documents, changed=courses.CHANGED)
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: qa_course_search-1: it is not filled yet, so this update is a full one
        esmigrate: error: index "qa_course_search-1": 1 rejected document is open
        DETAIL: _id "3": mapper_parsing_exception: failed to parse field [rank] of type [integer] in document with id '3'. Preview of field's value: 'Course 3': For input string: "Course 3"
        HINT: Everything else is up to date. Mend the source, then: esmigrate es_retry course_search-1; every es_update tries it again, too. --allow-rejected 1 tolerates it. See why: SELECT d.doc_id, d.reason FROM esmigrate.rejected_document d JOIN esmigrate.index_instance i ON i.id = d.instance_id WHERE i.index_name = 'qa_course_search-1'
        exit code 4
        """,
    )
    school.sql("INSERT INTO course VALUES (4, 'Course 4')")
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: error: index "qa_course_search-1": 2 rejected documents are open
        DETAIL: mapper_parsing_exception: 2 documents, for example "3", "4". The latest: _id "3": mapper_parsing_exception: failed to parse field [rank] of type [integer] in document with id '3'. Preview of field's value: 'Course 3': For input string: "Course 3"
        HINT: Everything else is up to date. Mend the source, then: esmigrate es_retry course_search-1; every es_update tries them again, too. --allow-rejected 2 tolerates them. See why: SELECT d.doc_id, d.reason FROM esmigrate.rejected_document d JOIN esmigrate.index_instance i ON i.id = d.instance_id WHERE i.index_name = 'qa_course_search-1'
        exit code 4
        """,
    )


def test_too_many_documents_are_rejected(school):
    documents = "SELECT id AS _id, changed_at AS _changed_at, CASE WHEN id > 1 THEN title END AS rank FROM course"
    index = {"mappings": {"properties": {"rank": {"type": "integer"}}}}
    courses.created(school, count=10_050, index=index, documents=documents)
    result = school.run("es_update", MASTER, "1")
    # Which one is the first depends on which request is answered first.
    [query] = re.findall("See why: (SELECT .*)", result.err)
    result.err = re.sub(r'(?<=The first: )"\d+": .*', "...", result.err)
    said(
        school,
        result,
        """
        esmigrate: qa_course_search-1: it is not filled yet, so this update is a full one
        esmigrate: error: index "qa_course_search-1": more than 10000 rejected documents are open
        DETAIL: The first: ...
        HINT: Mend documents.sql or the mapping, and es_create a new instance. See why: %s
        exit code 1
        """
        % QUERY,
    )
    rows = school.sql(query)
    assert 0 < len(rows) <= 10_000 and all("rank" in row["reason"] for row in rows)


def test_the_history_says_why_an_update_is_partial(school):
    documents = "SELECT id AS _id, changed_at AS _changed_at, title AS rank FROM course WHERE id > 1"
    index = {"mappings": {"properties": {"rank": {"type": "integer"}}}}
    courses.created(school, index=index, documents=documents + " UNION ALL SELECT 0, now(), '0'")
    courses.declare(school, "other_search", index={}, documents=courses.DOCUMENTS)
    school.ok("es_create", "other_search")
    school.fails(4, "es_update", MASTER, "1", "other_search", "1")
    rows = [(row["action"], row["status"], row["error"]) for row in school.history()[-3:]]
    why = "2 rejected documents are open"
    assert rows == [("update", "partial", why), ("update", "partial", why), ("update", "complete", None)]
    school.ok("es_update", "other_search", "1")
    assert school.ok("es_history", str(school.history()[-3]["id"]))[0]["error"] == why
    assert school.history()[-1]["error"] is None


def test_every_document_is_rejected(school):
    documents = "SELECT id AS _id, changed_at AS _changed_at, title AS rank FROM course"
    index = {"mappings": {"properties": {"rank": {"type": "integer"}}}}
    courses.created(school, index=index, documents=documents)
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: qa_course_search-1: it is not filled yet, so this update is a full one
        esmigrate: error: index "qa_course_search-1": all of 3 documents were refused
        DETAIL: The first: "1": mapper_parsing_exception: failed to parse field [rank] of type [integer] in document with id '1'. Preview of field's value: 'Course 1': For input string: "Course 1"
        HINT: Mend the mapping in index.json, or documents.sql, and es_create a new instance.
        exit code 1
        """,
    )


def test_a_source_that_has_changed_since(school):
    courses.activated(school, changed=courses.CHANGED)
    school.sql("ALTER TABLE course RENAME title TO name")
    transcript(
        school,
        """
        $ esmigrate es_update course_search
        esmigrate: error: qa_course_search-1/documents.sql: line 1, column 46: source database: column "title" does not exist
        DETAIL: The source is the database "school", that of the history, since neither --source, ESMIGRATE_SOURCE nor "source" in master.json names one.
        HINT: Is --source right? If it is, the SQL that the instance was created with, and is updated with, does not fit the source any more. Change the files, then: esmigrate es_create course_search
        exit code 5
        """,
    )
    school.env["ESMIGRATE_SOURCE"] = school.conninfo
    transcript(
        school,
        """
        $ esmigrate es_update course_search
        esmigrate: error: qa_course_search-1/documents.sql: line 1, column 46: source database: column "title" does not exist
        DETAIL: The source is the database "school".
        HINT: Is --source right? If it is, the SQL that the instance was created with, and is updated with, does not fit the source any more. Change the files, then: esmigrate es_create course_search
        exit code 5
        """,
    )


def test_a_malformed_master_json_does_not_keep_an_update(school):
    courses.activated(school, changed=courses.CHANGED)
    courses.declare(school, master='{"overlap" "5 seconds"}')
    transcript(
        school,
        """
        $ esmigrate es_update course_search
        esmigrate: warning: indexes/course_search/master.json: line 1, column 12: expected ':'; the options that the history stored are used instead
        exit code 0
        """,
    )
