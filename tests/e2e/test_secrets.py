"""Rule R10: secrets never reach the history, stdout or stderr."""

import base64
import pathlib
import time
import urllib.parse

import pytest

from faults import Proxy, declare_items
from servers import ROOT

pytestmark = pytest.mark.either

# Characters that conninfo, URLs and JSON each write in their own way.
SECRET = "s3cr@t/pa:ss w%rd"
ENCODED = urllib.parse.quote(SECRET, safe="")
FORMS = [SECRET, ENCODED, ENCODED.lower(), base64.b64encode(SECRET.encode()).decode(),
         base64.b64encode(f"user:{SECRET}".encode()).decode()]


def stored_texts(app):
    """Every row of every table of the history, as text."""
    tables = app.sql("SELECT format('esmigrate.%I', tablename) AS name FROM pg_tables WHERE schemaname = 'esmigrate'")
    return "\n".join(
        row["text"] for table in tables for row in app.sql(f"SELECT t::text AS text FROM {table['name']} t")
    )


def assert_kept_secret(app, *results):
    texts = {"the history": stored_texts(app)}
    for result in results:
        texts[f"stdout of {result.argv[1]}"], texts[f"stderr of {result.argv[1]}"] = result.out, result.err
    told = [(where, form) for where, text in texts.items() for form in FORMS if form in text]
    assert told == []


def with_password(app, host_url=False):
    parts = dict(word.split("=", 1) for word in app.conninfo.split())
    if host_url:
        return f"postgresql://{parts['user']}:{ENCODED}@{parts['host']}:{parts['port']}/{parts['dbname']}"
    return f"{app.conninfo} password='{SECRET}'"


def engine_with_password(app, url=None):
    return (url or app.engine_server.url).replace("http://", f"http://user:{ENCODED}@")


@pytest.mark.parametrize("as_url", [False, True])
def test_passwords_on_the_command_line_are_masked_in_argv(app, as_url):
    declare_items(app, 3)
    history = with_password(app, as_url)
    common = ["--history", history, f"--source={history}", "--engine", engine_with_password(app), "-v"]
    results = [
        app.run("es_create", "item", *common, check=0),
        app.run("es_update", "item", "1", *common, check=0),
        app.run("es_update", "item", "1", "--since", "2001-01-01T00:00:00Z", *common, check=0),
        app.run("es_activate", "item", *common, check=0),
        app.run("es_list", *common, check=0),
        app.run("es_history", *common, "-o", "json", check=0),
    ]
    assert_kept_secret(app, *results)
    for row in app.history():
        assert row["argv"][0].endswith("esmigrate") or row["argv"][0].startswith("es_")
        assert "--history" in row["argv"]


def test_passwords_in_the_environment_are_masked(app):
    declare_items(app, 3)
    password = with_password(app)
    env = {"ESMIGRATE_HISTORY": password, "ESMIGRATE_SOURCE": password,
           f"{app.engine_server.family.upper()}_URL": engine_with_password(app)}
    results = [app.run("es_create", "item", "-v", env=env, check=0)]
    results.append(app.run("es_update", "item", "1", "-v", env=env, check=0))
    app.declare("item", documents="SELECT no_such_column AS _id FROM item")
    results.append(app.run("es_create", "item", env=env, check=2))
    assert_kept_secret(app, *results)


def test_a_password_in_master_json_is_not_stored(app):
    declare_items(app, 3, master={"source": with_password(app)})
    results = [app.run("es_create", "item", check=0), app.run("es_update", "item", "1", check=0)]
    assert_kept_secret(app, *results)
    [row] = app.sql("SELECT options FROM esmigrate.index_master")
    assert app.database in row["options"]["source"]


def test_a_wrong_password_of_postgres_is_not_told(private_postgres, make_app):
    app = make_app(postgres=private_postgres())
    declare_items(app, 3)
    app.sql("CREATE ROLE careful LOGIN SUPERUSER PASSWORD 'another'")
    [row] = app.sql("SHOW hba_file")
    lines = "VALUES ('host all careful 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust')"
    app.sql(f"COPY ({lines}) TO '{row['hba_file']}'")
    app.sql("SELECT pg_reload_conf()")
    wrong = app.conninfo.replace("user=postgres", "user=careful") + f" password='{SECRET}'"
    results = [
        app.fails(5, "es_create", "item", "--history", wrong, "-v"),
        app.fails(5, "es_create", "item", "--source", wrong, "-v"),
        app.fails(5, "es_list", env={"ESMIGRATE_HISTORY": wrong}),
    ]
    assert "password authentication failed" in results[0].err
    assert_kept_secret(app, *results)
    assert app.history()[-1]["status"] == "failed"


def test_a_connection_string_that_is_no_connection_string_is_not_quoted(app):
    declare_items(app, 3)
    broken = f"{app.conninfo} password={SECRET} nonsense"
    results = [app.run("es_create", "item", "--history", broken), app.run("es_create", "item", "--source", broken),
               app.run("es_list", env={"ESMIGRATE_HISTORY": f"postgresql://user:{SECRET}@["})]
    assert all(result.code in (2, 5) for result in results)
    assert_kept_secret(app, *results)


def test_a_missing_engine_does_not_tell_the_password_of_its_url(app):
    declare_items(app, 3)
    proxy = Proxy(app.engine_server)
    proxy.close()
    result = app.fails(6, "es_create", "item", "--engine", engine_with_password(app, proxy.url), "-v")
    assert_kept_secret(app, result)


@pytest.mark.parametrize(
    "method, pattern", [("GET", r"^/$"), ("PUT", "item-1"), ("POST", "_bulk"), ("POST", "_aliases")]
)
def test_an_engine_that_quotes_the_authorization_header_is_masked(app, method, pattern):
    declare_items(app, 3)
    proxy = Proxy(app.engine_server)
    app.env[f"{app.engine_server.family.upper()}_URL"] = engine_with_password(app, proxy.url)
    try:
        echo = proxy.echo(method, pattern)
        commands = (["es_create", "item", "-v"], ["es_create", "item"], ["es_update", "item", "1", "-v"],
                    ["es_activate", "item"])
        results = [app.run(*command) for command in commands]
    finally:
        proxy.close()
    assert echo.used
    assert_kept_secret(app, *results)


FORMS_OF_OPTIONS = pytest.mark.parametrize(
    "spell", [lambda name, value: [f"--{name}={value}"], lambda name, value: [f"--{name}", value],
              lambda name, value: [f"--{name[:4]}={value}"], lambda name, value: [f"--{name[:4]}", value]],
    ids=["equals", "apart", "short_equals", "short_apart"])


@FORMS_OF_OPTIONS
def test_no_way_to_write_an_option_lets_its_password_through(app, spell):
    """LEAK is in every password, right or wrong, and in nothing else."""
    declare_items(app, 3)
    parts = dict(word.split("=", 1) for word in app.conninfo.split())
    address = f"{parts['host']}:{parts['port']}/{parts['dbname']}"
    cases = {
        "misspelt": ("source", "hots=x password=LEAKone"),
        "engine": ("engine", "http://u:LEAKtwo@127.0.0.1:1/"),
        "encoded": ("history", f"postgresql://{parts['user']}:%2fLEAKthree@{address}"),
        "quoted": ("history", f"{app.conninfo} password='LEAK\\'four'"),
    }
    results = {why: app.run("es_create", "item", *spell(*option), "-v") for why, option in cases.items()}
    # --engi may be --engine or --engine-user: wrong use, which is not to quote the value either.
    assert results["engine"].code == (6 if "--engine" in spell("engine", "")[0] else 2)
    assert (results["encoded"].code, results["quoted"].code) == (0, 0), results
    assert results["misspelt"].code in (2, 5)
    told = [why for why, result in results.items() if "LEAK" in result.out + result.err]
    assert told == []
    assert "LEAK" not in stored_texts(app)
    argv = [word for row in app.history() for word in row["argv"]]
    assert any(parts["dbname"] in word for word in argv), argv


# ---- every command, with secrets in every place

# What each command is given; another one gets the name of the master.
WORDS = {"es_init": [], "es_list": [], "es_history": ["item"], "es_drop": ["item-1", "--yes"],
         "es_clear": ["item-1", "--yes"]}
ORDER = ["es_init", "es_create", "es_update", "es_activate", "es_list", "es_history"]
COMMANDS = sorted((path.stem for path in (ROOT / "cli").glob("es_*.c")),
                  key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
USER_URL = "user:s3cr%40t%2fpa:ss%20w%25rd"  # encoded only where it must be
TOKEN = "VG9rZW4+/w=="
TOKENS = [TOKEN, urllib.parse.quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()).decode()]


def secret_file(app, text):
    path = app.folder / "secret"
    path.write_text(text + "\n")
    return path


# (options of every command, its environment), of an app and a URL of the engine without secrets.
PLACES = {
    "keywords": lambda app, url: (
        ["--history", with_password(app), "--source", with_password(app)], {"URL": engine_with_password(app, url)}),
    "uris": lambda app, url: (
        [], {"ESMIGRATE_HISTORY": with_password(app, True), "ESMIGRATE_SOURCE": with_password(app, True),
             "URL": url.replace("//", f"//{USER_URL}@")}),
    "options": lambda app, url: (
        ["--history", with_password(app, True), "--engine", url.replace("//", f"//{USER_URL}@")], {}),
    "password_file": lambda app, url: (
        ["--engine-user", "user", "--engine-password-file", secret_file(app, SECRET)],
        {"PGPASSWORD": SECRET, "URL": url}),
    "api_key_file": lambda app, url: (["--api-key-file", secret_file(app, TOKEN)], {"URL": url}),
    "bearer_file": lambda app, url: ([], {"ESMIGRATE_BEARER_FILE": str(secret_file(app, TOKEN)), "URL": url}),
}


def watched(app, words, env):
    """Runs it: its Result, and every command line that the process and its children had."""
    process = app.start(*words, env=env)
    lines = set()
    while process.running:
        for pid in [process.pid, *children_of(process.pid)]:
            try:
                lines.add(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace"))
            except OSError:
                pass
        time.sleep(0.01)
    return process.wait(), lines


def children_of(pid):
    try:
        return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                for child in (task / "children").read_text().split()]
    except OSError:
        return []


@pytest.mark.parametrize("place", PLACES)
def test_no_command_tells_a_secret_wherever_it_was_given(app, place):
    declare_items(app, 3)
    proxy = Proxy(app.engine_server)
    variable = f"{app.engine_server.family.upper()}_URL"
    options, env = PLACES[place](app, proxy.url)
    env = {variable: env.pop("URL", ""), **env}
    told, failures = [], 0

    def examine(command, *more):
        nonlocal failures
        result, lines = watched(app, [command, *WORDS.get(command, ["item"]), *options, *more], env)
        texts = {"stdout": result.out, "stderr": result.err}
        # What the user himself wrote there stays: it is his command line.
        if not any(form in str(option) for option in [*options, *more] for form in [*FORMS, USER_URL]):
            texts["its command line"] = " ".join(lines)
        told.extend((command, *more, where, form) for where, text in texts.items()
                    for form in [*FORMS, *TOKENS, USER_URL] if form in text)
        failures += result.code != 0

    try:
        for command in COMMANDS:
            # First with an engine that quotes what it was sent, then with a wrong option, then as it should be.
            echo = proxy.echo("GET", "^/")
            examine(command, "-v")
            echo.used = True
            examine(command, "-v", f"--no-such-option={SECRET}")
            examine(command, "-v", "-o", "json")
    finally:
        proxy.close()
    assert told == []
    assert failures >= 2 * len(COMMANDS) - 3  # es_init and es_history do not ask the engine, es_list goes on without it
    stored = stored_texts(app)
    assert [form for form in [*FORMS, *TOKENS, USER_URL] if form in stored] == []
    assert {row["status"] for row in app.history()} >= {"complete", "failed"}
