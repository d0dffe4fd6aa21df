"""Engine access: TLS, certificates, user and password, API key, bearer token, path prefix, several URLs; rule R10."""

import base64
import socket
import ssl
import urllib.parse

import pytest

from faults import Proxy, declare_items, expected_items
from test_secrets import stored_texts
from tls import Authority, Gateway, locked_key

pytestmark = pytest.mark.either

# Characters that URLs and base64 each write in their own way.
USER, PASSWORD = "el@stic:", "p%ss/w:rd@ ä?#"
API_KEY = base64.b64encode(b"key-id-7:very/secret+key").decode()
TOKEN = "eyJhbGciOiJub25lIn0.dG9rZW4tdGhhdC1ub2JvZHkta25vd3M."


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def quoted(text):
    return urllib.parse.quote(text, safe="")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """The tests' own certificate authority."""
    return Authority(tmp_path_factory.mktemp("access") / "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """Another authority, that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("access") / "stranger")


@pytest.fixture
def gateway(engine):
    """Makes a Gateway to the engine: gateway(tls=..., prefix=..., wanted=...)."""
    made = []

    def make(**options):
        made.append(Gateway(engine, **options))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def items(app):
    """An app with item declared, on no engine yet."""
    declare_items(app, 5)
    del app.env[f"{app.engine_server.family.upper()}_URL"]
    return app


@pytest.fixture
def secret(tmp_path):
    """Writes a secret into a file: its path."""

    def write(text, name="secret"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def goes_through(app, *access, env=None):
    """Every command that asks the engine does what it should."""
    assert app.ok("es_create", "item", *access, env=env)[0]["result"] == "created"
    assert app.ok("es_update", "item", "1", *access, env=env)[0]["indexed"] == 5
    assert app.ok("es_activate", "item", *access, env=env)[0]["result"] == "activated"
    assert app.docs("item") == expected_items(app)
    [listed] = app.ok("es_list", *access, env=env)
    assert (listed["docs"], listed["active"]) == (5, True)
    assert app.ok("es_clear", "item-1", "--force", "--yes", *access, env=env)[0]["result"] == "cleared"
    assert app.ok("es_drop", "item-1", "--force", "--yes", *access, env=env)[0]["result"] == "dropped"


def refused(app, code, message, hint, *access, env=None):
    """es_create says exactly this, and has made nothing."""
    result = app.fails(code, "es_create", "item", *access, env=env)
    lines = [line for line in result.err.splitlines() if not line.startswith("DETAIL: ")]
    whose = "item: " if code == 6 else ""
    assert lines == [f"esmigrate: error: {whose}{message}", f"HINT: {hint}"], result
    assert app.indices() == []
    return result


# ---- TLS


def test_a_whole_deploy_over_https_with_ca(items, authority, gateway):
    proxy = gateway(tls=authority.context())
    goes_through(items, "--engine", proxy.url, "--ca", authority.ca)
    assert proxy.seen


def test_the_ca_of_the_environment_is_used_and_beaten_by_the_flag(items, authority, stranger, gateway):
    url = gateway(tls=authority.context()).url
    goes_through(items, "--engine", url, env={"ESMIGRATE_CA": str(authority.ca)})
    items.run("es_create", "item", "--engine", url, "--ca", authority.ca, env={"ESMIGRATE_CA": str(stranger.ca)},
              check=0)
    items.fails(6, "es_create", "item", "--engine", url, "--ca", stranger.ca, env={"ESMIGRATE_CA": str(authority.ca)})


UNTRUSTED = "Name the certificate of the authority that signed the engine's with --ca FILE."


def test_an_unknown_authority_is_refused(items, authority, stranger, gateway):
    proxy = gateway(tls=authority.context())
    message = f"engine: connect: {proxy.url}: SSL certificate problem: unable to get local issuer certificate"
    refused(items, 6, message, UNTRUSTED, "--engine", proxy.url)
    refused(items, 6, message, UNTRUSTED, "--engine", proxy.url, "--ca", stranger.ca)
    assert proxy.seen == []


def test_a_certificate_of_another_host_is_refused(items, authority, gateway):
    proxy = gateway(tls=authority.context("engine.example"))
    refused(
        items,
        6,
        f"engine: connect: {proxy.url}: SSL: no alternative certificate subject name matches target host name"
        " '127.0.0.1'",
        "Name the engine as its certificate does with --engine URL.",
        *("--engine", proxy.url, "--ca", authority.ca),
    )
    assert proxy.seen == []


def test_a_certificate_that_has_expired_is_refused(items, authority, gateway):
    proxy = gateway(tls=authority.context(expired=True))
    refused(
        items,
        6,
        f"engine: connect: {proxy.url}: SSL certificate problem: certificate has expired",
        "The engine needs another certificate.",
        *("--engine", proxy.url, "--ca", authority.ca),
    )


@pytest.mark.parametrize("by", ["flag", "environment"])
@pytest.mark.parametrize("files", ["apart", "both in one"])
def test_a_client_certificate(items, authority, gateway, files, by):
    certificate, key, both = authority.client()
    proxy = gateway(tls=authority.context(clients=authority))
    given = {"cert": certificate, "key": key} if files == "apart" else {"cert": both}
    flags = [f"--{name}={path}" for name, path in given.items()] if by == "flag" else []
    env = {} if by == "flag" else {f"ESMIGRATE_{name.upper()}": str(path) for name, path in given.items()}
    goes_through(items, "--engine", proxy.url, "--ca", authority.ca, *flags, env=env)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_missing_or_strange_client_certificate_is_refused(items, authority, stranger, gateway, version):
    proxy = gateway(tls=authority.context(clients=authority, version=version))
    access = ["--engine", proxy.url, "--ca", authority.ca]
    # Whether the server's alert arrives before its reset is a race, so the reason differs.
    for certificate, hint in (
        ([], "If it wants a client certificate, name one"),
        (["--cert", stranger.client()[2]], "If it does not accept the client certificate, name another"),
    ):
        result = items.fails(6, "es_create", "item", *access, *certificate)
        assert result.err.startswith(f"esmigrate: error: item: engine: connect: {proxy.url}: "), result
        assert f"HINT: {hint} with --cert FILE and its key with --key FILE.\n" in result.err
    assert proxy.seen == []


FILES = [
    ("--ca", "ESMIGRATE_CA"),
    ("--cert", "ESMIGRATE_CERT"),
    ("--key", "ESMIGRATE_KEY"),
    ("--engine-password-file", "ESMIGRATE_ENGINE_PASSWORD_FILE"),
    ("--api-key-file", "ESMIGRATE_API_KEY_FILE"),
    ("--bearer-file", "ESMIGRATE_BEARER_FILE"),
]


@pytest.mark.parametrize("option, environment", FILES)
def test_a_file_that_cannot_be_read_is_named_with_its_option(items, tmp_path, option, environment):
    hint = f"Name a file with {option}, or with {environment} in the environment."
    for path, why in ((tmp_path / "missing", "No such file or directory"), (tmp_path, "Is a directory")):
        refused(items, 2, f"{option}: {path}: {why}", hint, option, path)
        refused(items, 2, f"{option}: {path}: {why}", hint, env={environment: str(path)})
        # What only looks at the engine in passing does not take it for one that is down.
        assert f"{option}: {path}: {why}" in items.fails(2, "es_list", option, path).err


def test_files_that_hold_no_certificate_or_no_key_are_named(items, authority, gateway, secret):
    certificate, key, _ = authority.client()
    url = gateway(tls=authority.context(clients=authority)).url
    junk, empty = secret("junk\n", "junk"), secret("", "empty")
    locked = locked_key(key)
    for path in (junk, empty, key):
        refused(items, 2, f"--ca: {path}: there is no certificate in it",
                "Name a file of PEM certificates with --ca FILE.", "--engine", url, "--ca", path)
    access = ["--engine", url, "--ca", authority.ca]
    hint = ("Name a PEM certificate with --cert FILE, and its PEM key, without a pass phrase, with --key FILE or in the"
            " same file.")
    for path in (junk, authority.ca, locked):
        refused(items, 2, f"--cert, --key: unable to set private key file: '{path}' type PEM", hint,
                *access, "--cert", certificate, "--key", path)
    refused(items, 2, f"--cert, --key: unable to set private key file: '{certificate}' type PEM", hint,
            *access, "--cert", certificate)
    result = items.fails(2, "es_create", "item", *access, "--cert", junk)
    assert result.err.startswith(f"esmigrate: error: --cert, --key: could not load PEM client certificate from {junk}")
    refused(items, 2, "--key needs --cert", "Give both, or neither; --key= takes back what the environment says.",
            *access, "--key", key)


def test_https_where_plain_http_is_spoken_and_the_other_way_round(items, authority, gateway):
    """The hint names what to type, whether the engine itself or a gateway listens."""
    plain = gateway()
    for url in (plain.url, items.engine_server.url):
        url = url.replace("http://", "https://")
        result = items.fails(6, "es_create", "item", "--engine", url)
        assert result.err.startswith(f"esmigrate: error: item: engine: connect: {url}: "), result
        assert "HINT: It does not speak TLS there. Name it as http://... with --engine URL.\n" in result.err
    url = gateway(tls=authority.context()).url.replace("https://", "http://")
    refused(items, 6, f"engine: connect: {url}: Empty reply from server",
            f"Is the engine running at {url}? If it speaks TLS there, name it as https://... with --engine URL.",
            "--engine", url)


def test_a_redirection_is_not_followed_but_told(items, gateway):
    proxy = gateway()
    proxy.refusal = lambda *_: (301, [("Location", "https://engine.example/")], b"moved")
    refused(items, 6, "engine: connect: HTTP 301: moved to https://engine.example/",
            "If the engine is there, name that URL with --engine.", "--engine", proxy.url)


# ---- who asks


def ways_of_access(secret, url):
    """{name: (the header that arrives, its flags, its environment)}"""
    password, api_key, bearer = (
        str(secret(text, name)) for name, text in (("password", PASSWORD), ("api-key", API_KEY), ("bearer", TOKEN))
    )
    with_user = url.replace("://", f"://{quoted(USER)}:{quoted(PASSWORD)}@")
    only_user = url.replace("://", f"://{quoted(USER)}@")
    return {
        "url": (basic(USER, PASSWORD), ["--engine", with_user], {"OPENSEARCH_URL": with_user}),
        "user": (
            basic(USER, PASSWORD),
            ["--engine", url, "--engine-user", USER, "--engine-password-file", password],
            {"OPENSEARCH_URL": url, "ESMIGRATE_ENGINE_USER": USER, "ESMIGRATE_ENGINE_PASSWORD_FILE": password},
        ),
        "user in the url": (
            basic(USER, PASSWORD),
            ["--engine", only_user, "--engine-password-file", password],
            {"OPENSEARCH_URL": only_user, "ESMIGRATE_ENGINE_PASSWORD_FILE": password},
        ),
        "api key": (
            f"ApiKey {API_KEY}",
            ["--engine", url, "--api-key-file", api_key],
            {"OPENSEARCH_URL": url, "ESMIGRATE_API_KEY_FILE": api_key},
        ),
        "bearer": (
            f"Bearer {TOKEN}",
            ["--engine", url, "--bearer-file", bearer],
            {"OPENSEARCH_URL": url, "ESMIGRATE_BEARER_FILE": bearer},
        ),
    }


WAYS = ["url", "user", "user in the url", "api key", "bearer"]


@pytest.mark.parametrize("by", ["flag", "environment"])
@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_access_by_flag_and_by_environment(items, gateway, secret, way, by):
    proxy = gateway()
    proxy.wanted, flags, env = ways_of_access(secret, proxy.url)[way]
    if by == "flag":
        goes_through(items, *flags)
    else:
        goes_through(items, env=env)
    assert set(proxy.authorizations) == {proxy.wanted}


CHECK = {
    **dict.fromkeys(
        WAYS, "Check the user and the password: those of --engine-user and --engine-password-file, or of the URL."
    ),
    "api key": "Check the key of --api-key-file: it must be the base64 of id:key.",
    "bearer": "Check the token of --bearer-file.",
}


@pytest.mark.parametrize("way", WAYS)
def test_who_is_not_let_in_is_told_what_to_check(items, gateway, secret, way):
    proxy = gateway(wanted="Basic of somebody else")
    _, flags, _ = ways_of_access(secret, proxy.url)[way]
    result = refused(items, 6, "engine: connect: security_exception: unable to authenticate user for REST request [/]",
                     CHECK[way], *flags)
    assert_kept(items, result)
    assert proxy.seen == [] and len(proxy.authorizations) == 1


def test_who_shows_nothing_is_told_what_to_give(items, gateway):
    proxy = gateway(wanted="Basic of somebody else")
    refused(items, 6, "engine: connect: security_exception: missing authentication credentials for REST request [/]",
            "The engine wants to know who asks: give --engine-user and --engine-password-file, --api-key-file or"
            " --bearer-file.", "--engine", proxy.url)


def test_an_engine_that_stops_letting_in_ends_an_update(items, gateway, secret):
    """A key that is revoked while documents are under way is no document's fault."""
    proxy = gateway(wanted=f"ApiKey {API_KEY}")
    access = ["--engine", proxy.url, "--api-key-file", secret(API_KEY)]
    items.ok("es_create", "item", *access)
    passed = proxy.refusal
    proxy.refusal = lambda method, path, headers: passed(
        method, path, headers if "_bulk" not in path else {"Authorization": "revoked"}
    )
    result = items.fails(6, "es_update", "item", "1", *access)
    assert "security_exception: unable to authenticate user" in result.err
    assert f"HINT: {CHECK['api key']}\n" in result.err
    assert items.sql("SELECT * FROM esmigrate.rejected_document") == []
    assert_kept(items, result)


def test_a_flag_beats_the_environment(items, gateway, secret):
    proxy = gateway()
    right, wrong = secret(API_KEY, "right"), secret("d3Jvbmc=", "wrong")
    proxy.wanted = f"ApiKey {API_KEY}"
    goes_through(items, "--engine", proxy.url, "--api-key-file", right, env={"ESMIGRATE_API_KEY_FILE": str(wrong)})
    proxy.wanted = basic("flag", "right")
    access = ["--engine", proxy.url, "--engine-user", "flag", "--engine-password-file", secret("right", "password")]
    env = {"ESMIGRATE_ENGINE_USER": "environment", "ESMIGRATE_ENGINE_PASSWORD_FILE": str(wrong)}
    items.run("es_create", "item", *access, env=env, check=0)
    # The URL's own user stands for both flags.
    url = proxy.url.replace("://", "://flag:right@")
    items.run("es_create", "item", "--engine", url, env=env, check=0)
    proxy.wanted = f"Bearer {TOKEN}"
    bearer = {"ESMIGRATE_BEARER_FILE": str(secret("environment", "other"))}
    items.run("es_create", "item", "--engine", proxy.url, "--bearer-file", secret(TOKEN, "token"), env=bearer, check=0)


@pytest.mark.parametrize(
    "text, sent",
    [("{}\n", 1), ("{}\r\n", 1), ("{}\nanother line\n", 1), ("{}", 1), ("\n{}\n", 0), ("", 0), ("\r\n", 0)],
)
@pytest.mark.parametrize("option, scheme", [("api-key", "ApiKey"), ("bearer", "Bearer")])
def test_the_first_line_of_a_file_is_the_secret(items, gateway, secret, option, scheme, text, sent):
    proxy = gateway(wanted=f"{scheme} {API_KEY}")
    path = secret(text.format(API_KEY))
    access = ["--engine", proxy.url, f"--{option}-file", path]
    if sent:
        items.run("es_create", "item", *access, check=0)
    else:
        name = f"ESMIGRATE_{option.replace('-', '_').upper()}_FILE"
        refused(items, 2, f"--{option}-file: {path}: the first line is empty",
                f"Name a file with --{option}-file, or with {name} in the environment.", *access)
        assert proxy.authorizations == []


def test_two_ways_of_access_are_wrong_use(items, gateway, secret):
    """Whichever were taken, the other could have been meant: nothing is sent."""
    proxy = gateway()
    password, api_key, bearer = secret(PASSWORD, "password"), secret(API_KEY, "api-key"), secret(TOKEN, "bearer")
    with_user = proxy.url.replace("://", f"://{quoted(USER)}:{quoted(PASSWORD)}@")
    user = ["--engine", proxy.url, "--engine-user", USER, "--engine-password-file", password]
    hint = ("Leave one of --engine-user (or the user in the URL), --api-key-file and --bearer-file; --OPTION= takes"
            " back what the environment says.")
    for first, second, access, env in (
        ("user and password", "API key", ["--engine", with_user, "--api-key-file", api_key], {}),
        ("user and password", "bearer token", [*user, "--bearer-file", bearer], {}),
        ("user and password", "API key", ["--api-key-file", api_key], {"OPENSEARCH_URL": with_user}),
        ("user and password", "API key", user, {"ESMIGRATE_API_KEY_FILE": str(api_key)}),
        ("API key", "bearer token", ["--engine", proxy.url, "--api-key-file", api_key, "--bearer-file", bearer], {}),
    ):
        message = f"the engine is given both {first} and {second}"
        assert_kept(items, refused(items, 2, message, hint, *access, env=env))
    assert proxy.authorizations == []
    items.run("es_create", "item", *user, "--api-key-file=", env={"ESMIGRATE_API_KEY_FILE": str(api_key)}, check=0)
    assert set(proxy.authorizations) == {basic(USER, PASSWORD)}


def test_half_a_way_of_access_is_wrong_use(items, gateway, secret):
    proxy = gateway()
    takes_back = "takes back what the environment says."
    refused(items, 2, "--engine-user needs --engine-password-file",
            f"Give both, or neither; --engine-user= {takes_back}", "--engine", proxy.url, "--engine-user", USER)
    refused(items, 2, "--engine-password-file needs --engine-user, or a user in the URL",
            f"Give both, or neither; --engine-password-file= {takes_back}",
            *("--engine", proxy.url, "--engine-password-file", secret(PASSWORD)))
    assert proxy.authorizations == []


# ---- paths and several URLs


@pytest.mark.parametrize("end", ["", "/"])
def test_a_path_prefix(items, gateway, secret, end):
    proxy = gateway(prefix="/search/v1", wanted=f"ApiKey {API_KEY}")
    goes_through(items, "--engine", proxy.url + end, "--api-key-file", secret(API_KEY))
    assert all(path.startswith("/search/v1/") and "//" not in path for _, path in proxy.seen)


def test_a_wrong_path_prefix_is_told(items, gateway):
    proxy = gateway(prefix="/search")
    url = proxy.url.replace("/search", "/find")
    result = items.fails(6, "es_create", "item", "--engine", url)
    assert result.err == (
        "esmigrate: error: item: engine: connect: HTTP 404, not from the engine: <html>404 Not Found</html>\n"
        "DETAIL: A gateway or load balancer answered in its place.\n"
        "HINT: See that it has the engine behind it, and that --engine has the right path; then run the same command"
        " again.\n")


def test_several_urls_with_prefixes_and_users_take_turns(items, authority, gateway):
    """Each URL is spoken to in its own way, and none is left out."""
    one = gateway(tls=authority.context(), prefix="/search", wanted=basic("one", "first"))
    two = gateway(prefix="/find", wanted=basic("two", "second"))
    urls = [one.url.replace("://", "://one:first@") + "/", two.url.replace("://", "://two:second@")]
    goes_through(items, "--engine", ",".join(urls), "--ca", authority.ca)
    assert len(one.seen) > 5 and len(two.seen) > 5


def silent():
    """A server that takes connections and never says a word."""
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.parametrize("dead", ["closed", "untrusted", "no tls", "silent"])
def test_a_url_that_does_not_work_is_what_the_others_are_for(items, authority, stranger, gateway, dead):
    good = gateway(tls=authority.context())
    listener = silent() if dead == "silent" else None
    if dead == "closed":
        closed = Proxy(items.engine_server)
        closed.close()
    bad = {
        "closed": lambda: closed.url,
        "untrusted": lambda: gateway(tls=stranger.context()).url,
        "no tls": lambda: gateway().url.replace("http://", "https://"),
        "silent": lambda: f"http://127.0.0.1:{listener.getsockname()[1]}",
    }[dead]()
    try:
        access = ["--ca", authority.ca, "--engine", f"{bad},{good.url}"]
        if dead == "silent":  # each command waits for it once
            [created] = items.ok("es_create", "item", *access)
            assert created["result"] == "created"
        else:
            goes_through(items, *access)
            message, hint = untold(bad, dead)
            result = items.fails(6, "es_create", "item", "--ca", authority.ca, "--engine", f"{bad},{bad}")
            assert message in result.err and f"HINT: {hint}\n" in result.err
    finally:
        if listener:
            listener.close()


def untold(url, why):
    """What is said when no URL works: of the last one."""
    words, hint = {
        "closed": (
            "Couldn't connect to server",
            f"Is the engine running at {url}? Name another with --engine, OPENSEARCH_URL or ELASTICSEARCH_URL.",
        ),
        "untrusted": ("SSL certificate problem: unable to get local issuer certificate", UNTRUSTED),
        "no tls": ("OpenSSL/", "It does not speak TLS there. Name it as http://... with --engine URL."),
    }[why]
    return f"esmigrate: error: item: engine: connect: {url}: {words}", hint


def test_urls_of_two_clusters_are_refused(items, private_engine, gateway):
    other = private_engine()
    here, there = (server.must("GET", "/")["cluster_uuid"] for server in (items.engine_server, other))
    urls = f"{items.engine_server.url},{other.url}"
    result = refused(items, 2, f"{other.url} belongs to another cluster than the engine's other URLs",
                     "Name URLs of one cluster only with --engine.", "--engine", urls)
    assert f"DETAIL: Its cluster_uuid is {there}, theirs is {here}.\n" in result.err
    items.fails(2, "es_list", "--engine", urls)
    assert other.must("GET", f"_cat/indices/{items.prefix}*?format=json") == []


# ---- rule R10: what the engine quotes


def forms(text):
    """A secret as it could turn up."""
    encoded = quoted(text)
    return {text, encoded, encoded.lower(), base64.b64encode(text.encode()).decode()}


SECRETS = forms(PASSWORD) | forms(f"{USER}:{PASSWORD}") | forms(API_KEY) | forms(TOKEN)


def assert_kept(app, *results):
    """No secret, in no form, anywhere; nor any other header of a request."""
    texts = {"the history": stored_texts(app)}
    for result in results:
        texts[f"stdout of {result.argv[1]}"], texts[f"stderr of {result.argv[1]}"] = result.out, result.err
    told = [(where, form) for where, text in texts.items() for form in SECRETS if form in text]
    assert told == []
    quotes = [where for where, text in texts.items() if "[Source:" in text or "User-Agent" in text]
    assert quotes == []


def assert_quoted(app, answer, wanted):
    """What the engine did say: the newer one has learned not to quote."""
    assert " at [Source: " in answer
    if app.engine_server.family == "elasticsearch":
        assert wanted in answer and "User-Agent" in answer
    else:
        assert wanted not in answer and "at [Source: REDACTED" in answer


BROKEN_TOKEN = "json_parse_exception: Unrecognized token 'broken': was expecting"


@pytest.mark.parametrize("way", WAYS)
def test_a_parse_error_of_a_bulk_request_does_not_tell_who_asked(items, gateway, secret, way):
    """Broken on the way: the whole request is refused, in the end for each document alone."""
    proxy = gateway()
    wanted, flags, _ = ways_of_access(secret, proxy.url)[way]
    items.ok("es_create", "item", *flags)
    rules = [proxy.spoil("POST", "_bulk", lambda body: b'{"index":broken}\n' + body) for _ in range(20)]
    results = [items.fails(1, "es_update", "item", "1", "-v", *flags)]
    assert_quoted(items, rules[0].answer, wanted)
    rejected = items.sql("SELECT * FROM esmigrate.rejected_document ORDER BY doc_id")
    assert [row["doc_id"] for row in rejected] == ["1", "2", "3", "4", "5"]
    assert all(BROKEN_TOKEN in row["reason"] for row in rejected), rejected
    results.append(items.run("es_history", "-o", "json", "-v", check=0))
    results.append(items.run("es_list", "-v", *flags, check=0))
    assert_kept(items, *results)


@pytest.mark.parametrize("way", WAYS)
def test_a_document_that_cannot_be_parsed_does_not_tell_who_asked(items, gateway, secret, way):
    """Nothing is broken on the way: PostgreSQL's json keeps a key that is there twice, the engine does not take it."""
    proxy = gateway()
    wanted, flags, _ = ways_of_access(secret, proxy.url)[way]
    items.declare("item", index={}, documents="""SELECT 7 AS _id, '{"a": 1, "a": 2}'::json AS _source
                                                 UNION ALL SELECT 8, '{"a": 1}'""")
    items.ok("es_create", "item", *flags)
    rule = proxy.spoil("POST", "_bulk", lambda body: body)
    results = [items.fails(4, "es_update", "item", "1", "-v", *flags)]
    assert_quoted(items, rule.answer, wanted)
    [row] = items.sql("SELECT * FROM esmigrate.rejected_document")
    assert (row["doc_id"], row["error_type"]) == ("7", "mapper_parsing_exception")
    assert row["reason"] == "failed to parse: Duplicate field 'a'"
    results.append(items.run("es_history", "-o", "json", check=0))
    assert_kept(items, *results)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("command", ["es_create", "es_activate"])
def test_a_parse_error_of_another_request_does_not_tell_who_asked(items, gateway, secret, way, command):
    proxy = gateway()
    wanted, flags, _ = ways_of_access(secret, proxy.url)[way]
    if command == "es_activate":
        items.ok("es_create", "item", *flags)
        items.ok("es_update", "item", "1", *flags)
    method, pattern = ("PUT", "item-1$") if command == "es_create" else ("POST", "_aliases")
    rule = proxy.spoil(method, pattern, lambda body: b'{"settings": broken}')
    result = items.run(command, "item", "-v", *flags)
    assert result.code in (2, 6) and " at [Source: " in rule.answer, result
    assert "Unrecognized token 'broken'" in result.err
    assert_kept(items, result)


@pytest.mark.parametrize("way", WAYS)
def test_a_header_quoted_in_other_words_is_masked(items, gateway, secret, way):
    """By who stands between, where no [Source: tells where the quote begins: the words around it stay."""
    proxy = gateway()
    _, flags, _ = ways_of_access(secret, proxy.url)[way]
    scheme = {"api key": "ApiKey", "bearer": "Bearer"}.get(way, "Basic")
    rule = proxy.echo("PUT", "item-1$")
    result = items.run("es_create", "item", "-v", *flags)
    assert rule.used and result.code in (2, 6)
    assert f"parse_exception: bad request [Authorization: {scheme} ***, /" in result.err
    assert_kept(items, result)


def test_half_a_secret_is_not_told_either(items, gateway, secret):
    """A long text is cut; a secret at that place goes as a whole, since half of one is not recognised."""
    proxy = gateway()
    token = "t" * 300
    for padding in (150, 160):  # an answer that is no JSON is cut at 200 bytes
        proxy.refusal = lambda *_: (400, [], b"p" * padding + f" Bearer {token}".encode())
        result = items.fails(6, "es_create", "item", "--engine", proxy.url, "--bearer-file", secret(token))
        assert f"HTTP 400: {'p' * padding} Bearer\n" in result.err
        assert "ttt" not in result.err + stored_texts(items)
