"""What is said of a declaration whose name, folder or index.json is wrong: the exact message, and exit code 2.

Each text is what a terminal shows: the command, all of stderr, the exit code.
"""

import os

import courses
import messages
import pytest
from messages import GOOD, at_home, table, transcript

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


# ---- index.json


@table(
    (
        "malformed",
        {"index": '{\n  "settings": {"number_of_shards" 1}\n}\n'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: line 2, column 35: expected ':'
        exit code 2
        """,
    ),
    (
        "malformed behind an umlaut",
        {"index": '{"mappings": {"_meta": {"für": "ältere"} "dynamic": true}}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: line 1, column 42: expected ',' or '}'
        exit code 2
        """,
    ),
    (
        "cut off",
        {"index": '{"mappings": {}\n'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: line 2, column 1: unexpected end of data
        exit code 2
        """,
    ),
    (
        "empty",
        {"index": ""},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: line 1, column 1: unexpected end of data
        exit code 2
        """,
    ),
    (
        "two bodies",
        {"index": '{"mappings": {}}\n{"settings": {}}\n'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: line 2, column 1: there is more text after the end of the JSON value
        exit code 2
        """,
    ),
    (
        "no object",
        {"index": "[]"},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: not a JSON object
        exit code 2
        """,
    ),
    (
        "request line",
        {"index": 'PUT /course_search\n{"mappings": {}}\n'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: line 1, column 1: expected a value
        HINT: Leave out the request line: the file is the body alone.
        exit code 2
        """,
    ),
    (
        "aliases",
        {"index": '{"aliases": {"live": {}}, "mappings": {}}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: "aliases" would put an empty index live
        HINT: Remove "aliases": es_activate points the alias at an index once it is filled.
        exit code 2
        """,
    ),
    (
        "duplicate key",
        {"index": '{"mappings": {"dynamic": true,\n  "dynamic": false}}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: line 2, column 3: the key "dynamic" appears twice
        exit code 2
        """,
    ),
    (
        "unknown key",
        {"index": '{"mapping": {}}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: unknown key "mapping"
        HINT: index.json is the body of "create index": it has the keys "settings" and "mappings".
        exit code 2
        """,
    ),
    (
        "mappings is no object",
        {"index": '{"mappings": []}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: "mappings" must be an object
        exit code 2
        """,
    ),
    (
        "translog async",
        {"index": '{"settings": {"index.translog.durability": "async"}}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: translog.durability "async" would lose acknowledged documents
        HINT: Remove the setting: esmigrate's changed_through relies on the default, "request".
        exit code 2
        """,
    ),
    (
        "our own mark",
        {"index": '{"mappings": {"_meta": {"esmigrate": {}}}}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: mappings._meta.esmigrate is esmigrate's own
        HINT: Remove it: es_create writes there which action made the index.
        exit code 2
        """,
    ),
    (
        "a number that would change",
        {"index": '{"mappings": {"_meta": {"number": 123456789012345678901234567890}}}'},
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: something in it, such as a number of too many digits, cannot be sent exactly as it is written
        HINT: Write such a number with fewer digits, or as a string.
        exit code 2
        """,
    ),
)
def test_index_json(school, files, text):
    school.declare(MASTER, **{**GOOD, **files})
    transcript(school, text)


def test_a_mapping_that_the_engine_refuses(school):
    index = {"mappings": {"properties": {"title": {"type": "textt"}}}}
    courses.declare(school, index=index, documents=courses.DOCUMENTS)
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: engine: create index "qa_course_search-1": mapper_parsing_exception: Failed to parse mapping [_doc]: No handler for type [textt] declared on field [title]
        HINT: Mend the file, then run the same command again. No index was made, and the number is not used up.
        exit code 2
        """,
    )


def test_a_setting_that_the_engine_refuses(school):
    courses.declare(school, index={"settings": {"number_of_shards": 0}})
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: engine: create index "qa_course_search-1": illegal_argument_exception: Failed to parse value [0] for setting [index.number_of_shards] must be >= 1
        HINT: Mend the file, then run the same command again. No index was made, and the number is not used up.
        exit code 2
        """,
    )


def test_utf_16(school):
    school.declare(MASTER, **GOOD)
    (school.indexes / MASTER / "index.json").write_text("{}", encoding="utf-16")
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: there is a NUL byte in it
        HINT: It may be UTF-16: save the file as UTF-8.
        exit code 2
        """,
    )


def test_line_ends_and_a_byte_order_mark_are_no_errors_and_no_other_declaration(app):
    courses.make_courses(app)
    app.ok("es_init")
    lines = '{\n  "mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}}}\n}\n'
    courses.declare(at_home(app), index=lines, changed=courses.CHANGED)
    app.ok("es_create", MASTER)
    for other in lines.replace("\n", "\r\n"), "\ufeff" + lines:
        (app.indexes / MASTER / "index.json").write_text(other, encoding="utf-8", newline="")
        transcript(
            app,
            """
            $ esmigrate es_create course_search
            esmigrate: course_search: instance 1 has this declaration; nothing is to be done
            exit code 0
            """,
        )


# ---- files


def test_no_indexes_folder(school):
    school.indexes.rmdir()
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: there is no folder of declarations "indexes"
        HINT: Run esmigrate in the folder that has it, or name it with --indexes DIR (ESMIGRATE_INDEXES).
        exit code 2
        $ esmigrate es_create --all
        esmigrate: error: there is no folder of declarations "indexes"
        HINT: Run esmigrate in the folder that has it, or name it with --indexes DIR (ESMIGRATE_INDEXES).
        exit code 2
        """,
    )


def test_an_empty_indexes_folder(school):
    transcript(
        school,
        """
        $ esmigrate es_create --all
        esmigrate: error: there is nothing to create
        HINT: Name a master, or give --all with declarations in indexes/.
        exit code 2
        """,
    )


def test_an_undeclared_name(school):
    school.declare(MASTER, **GOOD)
    transcript(
        school,
        """
        $ esmigrate es_create cuorse_search
        esmigrate: error: there is no declaration indexes/cuorse_search
        HINT: Did you mean course_search? If not, make the folder with index.json and documents.sql in it.
        exit code 2
        $ esmigrate es_create lesson_search
        esmigrate: error: there is no declaration indexes/lesson_search
        HINT: Make the folder with index.json and documents.sql in it, or name another folder of declarations with --indexes DIR (ESMIGRATE_INDEXES).
        exit code 2
        """,
    )


def test_a_missing_file(school):
    school.declare(MASTER, **GOOD)
    (school.indexes / MASTER / "documents.sql").unlink()
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/documents.sql: No such file or directory
        HINT: A declaration is a folder with the files index.json and documents.sql, which esmigrate must be able to read.
        exit code 2
        """,
    )
    (school.indexes / MASTER / "index.json").unlink()
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/index.json: No such file or directory
        HINT: A declaration is a folder with the files index.json and documents.sql, which esmigrate must be able to read.
        exit code 2
        """,
    )


def test_an_unreadable_file(school):
    """A folder in its place: root, whom a test may run as, can read every file."""
    school.declare(MASTER, **GOOD)
    (school.indexes / MASTER / "changed.sql").unlink()
    (school.indexes / MASTER / "changed.sql").mkdir()
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: Is a directory
        exit code 2
        """,
    )


def test_a_file_without_permission(school, monkeypatch):
    """Root can read every file, but for the two capabilities."""
    if os.geteuid() == 0:
        monkeypatch.setattr(school, "launcher", ["setpriv", "--bounding-set=-dac_override,-dac_read_search"])
    school.declare(MASTER, **GOOD)
    (school.indexes / MASTER / "changed.sql").chmod(0)
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: indexes/course_search/changed.sql: Permission denied
        exit code 2
        """,
    )


# ---- names


@table(
    (
        "upper case",
        {"name": "Course"},
        """
        $ esmigrate es_create Course
        esmigrate: error: "Course" cannot be the name of an index: the engine refuses upper case
        HINT: Use lower-case letters, digits and _, beginning with a letter, for example course_search.
        exit code 2
        """,
    ),
    (
        "a character",
        {"name": "course search"},
        """
        $ esmigrate es_create 'course search'
        esmigrate: error: "course search" cannot be the name of an index: it may have only letters, digits, "_", "-" and "."
        HINT: Use lower-case letters, digits and _, beginning with a letter, for example course_search.
        exit code 2
        """,
    ),
    (
        "too long",
        {"name": "c" * 240},
        f"""
        $ esmigrate es_create {"c" * 240}
        esmigrate: error: "{"c" * 240}" cannot be the name of an index: it is too long
        HINT: Use lower-case letters, digits and _, beginning with a letter, for example course_search.
        exit code 2
        """,
    ),
    (
        "all digits",
        {"name": "12"},
        """
        $ esmigrate es_create 12
        esmigrate: error: the number 12 does not follow a name
        HINT: Write NAME 12 or NAME-12. Digits alone cannot be a name.
        exit code 2
        $ esmigrate es_create --all
        esmigrate: error: "12" cannot be the name of an index: digits alone would be taken for an instance number
        HINT: Use lower-case letters, digits and _, beginning with a letter, for example course_search.
        exit code 2
        """,
    ),
    (
        "digits at the end",
        {"name": "course-2"},
        """
        $ esmigrate es_create course-2
        esmigrate: error: "course-2" cannot be the name of an index: "-digits" at its end would be taken for an instance
        HINT: Use lower-case letters, digits and _, beginning with a letter, for example course_search.
        exit code 2
        $ esmigrate es_create --all
        esmigrate: error: "course-2" cannot be the name of an index: "-digits" at its end would be taken for an instance
        HINT: Use lower-case letters, digits and _, beginning with a letter, for example course_search.
        exit code 2
        """,
    ),
)
def test_names(school, files, text):
    school.declare(files["name"], **GOOD)
    transcript(school, text)


def test_a_prefix_that_no_index_can_have(school):
    transcript(
        school,
        """
        $ esmigrate es_init --prefix Qa_
        esmigrate: error: "Qa_" cannot be the prefix of an index
        HINT: Use lower-case letters, digits and _, beginning with a letter, for example qa_.
        exit code 2
        """,
    )


# ---- several declarations


def test_several_wrong_declarations_are_all_told_and_nothing_is_created(school):
    school.declare("author_search", **{**GOOD, "index": '{"aliases": {}}'})
    school.declare("book_search", **{**GOOD, "documents": "SELECT id AS _id, titel FROM course"})
    school.declare(MASTER, **GOOD)
    school.declare("Draft", **GOOD)
    transcript(
        school,
        """
        $ esmigrate es_create --all
        esmigrate: warning: "Draft" cannot be the name of an index: the engine refuses upper case
        HINT: Use lower-case letters, digits and _, beginning with a letter, for example course_search.
        esmigrate: warning: indexes/author_search/index.json: "aliases" would put an empty index live
        HINT: Remove "aliases": es_activate points the alias at an index once it is filled.
        esmigrate: warning: indexes/book_search/documents.sql: line 1, column 19: source database: column "titel" does not exist
        HINT: Perhaps you meant to reference the column "course.title".
        esmigrate: error: 3 of 4 declarations are wrong; nothing was created
        HINT: Mend what the warnings name, then run the same command again.
        exit code 2
        $ esmigrate es_create course_search book_search lessons
        esmigrate: warning: indexes/book_search/documents.sql: line 1, column 19: source database: column "titel" does not exist
        HINT: Perhaps you meant to reference the column "course.title".
        esmigrate: warning: there is no declaration indexes/lessons
        HINT: Make the folder with index.json and documents.sql in it, or name another folder of declarations with --indexes DIR (ESMIGRATE_INDEXES).
        esmigrate: error: 2 of 3 declarations are wrong; nothing was created
        HINT: Mend what the warnings name, then run the same command again.
        exit code 2
        """,
    )
    parents = [row["id"] for row in school.history() if row["parent_id"] is None and row["master"] is None]
    rows = [(row["master"], row["status"]) for row in school.history() if row["parent_id"] == parents[-2]]
    assert sorted(rows) == [("author_search", "failed"), ("book_search", "failed")]


def test_a_mapping_that_the_engine_refuses_does_not_keep_the_others_from_being_created(app):
    courses.make_courses(app)
    app.ok("es_init")
    at_home(app)
    for name in "author_search", "book_search", MASTER:
        app.declare(name, **GOOD)
    for name, kind in ("author_search", "textt"), ("book_search", "keywort"):
        app.declare(name, index={"mappings": {"properties": {"title": {"type": kind}}}})
    transcript(
        app,
        """
        $ esmigrate es_create --all
        esmigrate: warning: indexes/author_search/index.json: engine: create index "qa_author_search-1": mapper_parsing_exception: Failed to parse mapping [_doc]: No handler for type [textt] declared on field [title]
        HINT: Mend the file, then run the same command again. No index was made, and the number is not used up.
        esmigrate: warning: indexes/book_search/index.json: engine: create index "qa_book_search-1": mapper_parsing_exception: Failed to parse mapping [_doc]: No handler for type [keywort] declared on field [title]
        HINT: Mend the file, then run the same command again. No index was made, and the number is not used up.
        esmigrate: error: the engine refused 2 of 3 declarations; the others are created
        HINT: Mend what the warnings name, then run the same command again.
        exit code 2
        """,
    )
    assert app.indices() == [app.full_name("course_search-1")]
