"""Settings: read once, checked and documented. A wrong one is an error that names it."""

import re
import subprocess
import sys

import pytest

import config
from config import ROOT, ConfigError, Settings, load_config
from tests.support.commands import environment

SECRET = "x" * 32
LONG_ENOUGH = {"JWT_SECRET": SECRET}
BAD_ORIGINS = [
    "app.example",
    "https://app.example/",
    "https://app.example/path",
    "https://user@app.example",
    "https://*.example",
    "https://app.example, *",
    "https://app.example,",
    "https://a b",
    "https://büro.example",
    "https://app.example:",
    "https://app.example:x",
    "//app.example",
    "null",
    " ",
]


BAD_LIMITS = ["100", "0/minute", "-1/minute", "many/minute", "100/week", "100/minute;5/second", "1/ minute", "9" * 10]
BAD_STORAGES = ["memory", "redis", "redis://", "redis://:6379", "redis://h:x", "redis://h:99999", "memcached://h:11211"]


@pytest.fixture
def load(monkeypatch):
    """Loads the settings from an environment of just these."""

    def load(**values):
        for name in Settings().fields:
            monkeypatch.setenv(name, values.get(name, ""))
        return load_config()

    return load


def test_defaults(load):
    settings = load()
    assert settings["DATABASE_URL"] is None
    assert settings["INSTANCE_PATH"] == ROOT / "instance"
    assert (settings["HOST"], settings["PORT"], settings["JWT_USER_CLAIM"]) == ("127.0.0.1", 8000, "sub")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", ()),
        ("*", ("*",)),
        ("https://app.example", ("https://app.example",)),
        ("HTTPS://App.Example:443 , http://localhost:80", ("https://app.example", "http://localhost")),
        ("http://a:443,https://a:80", ("http://a:443", "https://a:80")),
        ("http://127.0.0.1:03000,http://127.0.0.1:3000", ("http://127.0.0.1:3000",)),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        ("capacitor://localhost", ("capacitor://localhost",)),
    ],
)
def test_origins_are_read_as_browsers_write_them(load, written, read):
    assert load(CORS_ORIGINS=written)["CORS_ORIGINS"] == read


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_database_url_may_be_spelled_as_people_do(load, scheme):
    url = load(DATABASE_URL=f"{scheme}://u:p%40ss@host-pooler.neon.tech/d?sslmode=require", **LONG_ENOUGH)[
        "DATABASE_URL"
    ]
    assert url.drivername == "postgresql+psycopg2"
    assert (url.password, url.query["sslmode"]) == ("p@ss", "require")


def test_password_of_a_database_url_is_never_shown(load):
    for url in (
        "postgresql://u:hidden@h/d",
        "postgresql://u@h/d?password=hidden",
        "postgresql://u:x@h/d?password=hidden",
    ):
        settings = load(DATABASE_URL=url, **LONG_ENOUGH)
        assert settings["DATABASE_URL"].password == "hidden"
        assert "hidden" not in f"{settings} {settings['DATABASE_URL']}"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        *(
            ({"HOST": value}, "HOST must be a host name or an IP address, such as 127.0.0.1, without a scheme, port,")
            for value in ("localhost:9000", "http://localhost", "unix:/run/x", "127.0.0.1/x", "[::1]", "*", "a b", " ")
        ),
        ({"PORT": "eighty"}, "PORT must be a whole number."),
        ({"PORT": "0"}, "PORT must be from 1 to 65535."),
        ({"PORT": "65536"}, "PORT must be from 1 to 65535."),
        ({"WORKERS": "0"}, "WORKERS must be from 1 to 1024."),
        ({"THREADS": "-1"}, "THREADS must be from 1 to 1024."),
        ({"REQUEST_TIMEOUT": "nan"}, "REQUEST_TIMEOUT must be a number of seconds."),
        ({"REQUEST_TIMEOUT": "soon"}, "REQUEST_TIMEOUT must be a number of seconds."),
        ({"HISTORY_DAYS": "6"}, "HISTORY_DAYS must be from 7 to 36500."),
        ({"REQUEST_TIMEOUT": "0"}, "REQUEST_TIMEOUT must be from 0.1 to 3600 seconds."),
        *(
            (
                {"FORWARDED_ALLOW_IPS": value},
                "FORWARDED_ALLOW_IPS must be comma-separated IP addresses or networks, or *.",
            )
            for value in ("proxy.example", "10.0.0.1/8", "*,::1", "127.0.0.1,,::1", "1.2.3")
        ),
        ({"ACCESS_LOG": "maybe"}, "ACCESS_LOG must be true or false."),
        ({"JWT_SCOPES": "maybe"}, "JWT_SCOPES must be on or off."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be one of debug, info, warning, error, critical."),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT must be one of auto, text, json."),
        ({"METRICS_TOKEN": "x" * 15}, "METRICS_TOKEN must be at least 16 characters of A-Z a-z 0-9 . _ ~ + / -."),
        ({"METRICS_TOKEN": "x" * 16 + " "}, "METRICS_TOKEN must be at least 16 characters of"),
        ({"METRICS_TOKEN": "é" * 16}, "METRICS_TOKEN must be at least 16 characters of"),
        ({"SERVER_TIMING": "maybe"}, "SERVER_TIMING must be true or false."),
        ({"JWT_SECRET": "x" * 31}, "JWT_SECRET must be at least 32 bytes long."),
        (
            {"JWT_JWKS_URL": "file:///etc/passwd"},
            "JWT_JWKS_URL must be an https:// or http:// URL, such as https://issuer.example/jwks.json.",
        ),
        ({"JWT_JWKS_URL": "https://"}, "JWT_JWKS_URL must be an https:// or http:// URL"),
        ({"JWT_JWKS_URL": "http://[abc/x"}, "JWT_JWKS_URL must be an https:// or http:// URL"),
        ({"JWT_JWKS_URL": "https://a b/c"}, "JWT_JWKS_URL must be an https:// or http:// URL"),
        *(
            ({"CORS_ORIGINS": origins}, "CORS_ORIGINS must be comma-separated origins like https://app.example")
            for origins in BAD_ORIGINS
        ),
        ({"CORS_ORIGINS": "http://x:0"}, "CORS_ORIGINS has a port outside the range from 1 to 65535."),
        ({"CORS_ORIGINS": "http://x:65536"}, "CORS_ORIGINS has a port outside the range from 1 to 65535."),
        *(({"RATE_LIMIT": limit}, "RATE_LIMIT must be a number of requests per second,") for limit in BAD_LIMITS),
        *(({"RATE_LIMIT_STORAGE": url}, "RATE_LIMIT_STORAGE must be memory:// or a URL like") for url in BAD_STORAGES),
        ({"INSTANCE_PATH": "~no-such-user/x"}, "INSTANCE_PATH refers to the home directory of an unknown user"),
        ({"MCP_URL": "tasks.example/mcp"}, "MCP_URL must be an https:// or http:// URL"),
        ({"MCP_URL": "https://x/mcp?a"}, "MCP_URL must not contain a query or a fragment."),
        ({"MCP_URL": "https://x/mcp"}, "MCP_URL must be one of the values of JWT_AUDIENCE."),
        ({"MCP_URL": "https://x/mcp", "JWT_AUDIENCE": "https://x/mcp/"}, "MCP_URL must be one of the values of"),
        ({"JWT_JWKS_URL": "https://u:p@h/c"}, "JWT_JWKS_URL must not contain a user or a password."),
        ({"JWT_SECRET": SECRET, "JWT_JWKS_URL": "https://x"}, "JWT_SECRET and JWT_JWKS_URL are both set."),
        (
            {"JWT_SECRET": SECRET, "JWT_SECRET_FALLBACK": "x" * 31},
            "JWT_SECRET_FALLBACK must be at least 32 bytes long.",
        ),
        ({"JWT_SECRET_FALLBACK": SECRET}, "JWT_SECRET_FALLBACK requires a JWT_SECRET with a different value."),
        ({"JWT_SECRET_FALLBACK": SECRET, "JWT_JWKS_URL": "https://x"}, "JWT_SECRET_FALLBACK requires a JWT_SECRET"),
        (
            {"JWT_SECRET": SECRET, "JWT_SECRET_FALLBACK": SECRET},
            "JWT_SECRET_FALLBACK requires a JWT_SECRET with a different value.",
        ),
        ({"DATABASE_URL": "postgresql://h/d"}, "DATABASE_URL requires a key to verify tokens."),
        ({"DATABASE_URL": "mysql://h/d", **LONG_ENOUGH}, "DATABASE_URL must start with postgresql://."),
        ({"DATABASE_URL": "nonsense", **LONG_ENOUGH}, "DATABASE_URL must be a URL like"),
        ({"DATABASE_URL": "postgresql://h/d?pgbouncer=true", **LONG_ENOUGH}, "DATABASE_URL has a parameter that"),
        ({"DATABASE_URL": "postgresql://u:p@ss@h/d", **LONG_ENOUGH}, "DATABASE_URL has more than one @."),
        ({"DATABASE_URL": "postgresql://u:p%00@h/d", **LONG_ENOUGH}, "DATABASE_URL contains NUL (%00)"),
        ({"DATABASE_URL": "postgresql://h/d?password=a&password=b", **LONG_ENOUGH}, "DATABASE_URL has more than one"),
        ({"MIGRATION_DATABASE_URL": "postgresql://h:port/d"}, "MIGRATION_DATABASE_URL must be a URL like"),
    ],
)
def test_wrong_setting_is_named_with_the_reason(load, values, sentence):
    with pytest.raises(ConfigError) as caught:
        load(**values)
    assert str(caught.value).startswith(sentence)


def test_every_wrong_setting_is_named_at_once_and_no_value_shown(load):
    with pytest.raises(ConfigError) as caught:
        load(PORT="hidden", JWT_SECRET="hidden", DATABASE_URL="hidden")
    assert all(name in str(caught.value) for name in ("PORT", "JWT_SECRET", "DATABASE_URL"))
    assert "hidden" not in str(caught.value)


def test_env_file_counts_if_a_variable_is_not_set(load, monkeypatch, tmp_path):
    (tmp_path / ".env").write_text(f"PORT=1234\nTHREADS=7\nJWT_SECRET='{SECRET}${{HOME}}'\n")
    monkeypatch.setattr(config, "ROOT", tmp_path)
    for name in Settings().fields:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORT", "4321")
    settings = load_config()
    assert (settings["PORT"], settings["THREADS"], settings["JWT_SECRET"]) == (4321, 7, SECRET + "${HOME}")
    assert load(PORT="")["PORT"] == 8000  # Set to nothing, it hides what .env says.


@pytest.mark.parametrize(
    ("name", "meant"),
    [("DATABSE_URL", "DATABASE_URL"), ("LOGLEVEL", "LOG_LEVEL"), ("jwt_secret", "JWT_SECRET"), ("THREAD", "THREADS")],
)
def test_misspelt_setting_in_env_file_is_named_with_the_right_one(load, monkeypatch, tmp_path, name, meant):
    (tmp_path / ".env").write_text(f"{name}=hidden\n")
    monkeypatch.setattr(config, "ROOT", tmp_path)
    with pytest.raises(ConfigError) as caught:
        load()
    assert str(caught.value) == f"{name} in the file .env is not a setting. Did you mean {meant}?"


def test_env_file_may_have_the_variables_of_other_tools(load, monkeypatch, tmp_path):
    others = ("POSTGRES_USER", "PGPASSWORD", "HOSTNAME", "FLASK_DEBUG", "GUNICORN_CMD_ARGS", "COMPOSE_PROJECT_NAME")
    (tmp_path / ".env").write_text("\ufeffPORT=1234\n" + "".join(f"{name}=1\n" for name in others), encoding="utf-8")
    monkeypatch.setattr(config, "ROOT", tmp_path)
    assert load()["THREADS"]


def test_env_file_that_is_no_text_is_an_error(load, monkeypatch, tmp_path):
    (tmp_path / ".env").write_bytes(b"JWT_SECRET=\xff")
    monkeypatch.setattr(config, "ROOT", tmp_path)
    with pytest.raises(ConfigError, match=r"Cannot read the file \.env: it is not UTF-8 text"):
        load()


def documented_settings():
    """The settings of .env.example: name, default, and the comment above."""
    text = (ROOT / ".env.example").read_text()
    return {name: (value, comment) for comment, name, value in re.findall(r"# (.+)\n([A-Z_]+)=(.*)", text)}


def test_example_documents_every_setting_with_its_default(load):
    documented = documented_settings()
    assert documented.keys() == Settings().fields.keys()
    assert all(comment.endswith(".") for _, comment in documented.values())
    assert load(**{name: value for name, (value, _) in documented.items()}) == load()


@pytest.mark.parametrize("command", [["flask", "routes"], ["flask", "token", "x"], ["gunicorn", "wsgi:app"]])
def test_wrong_setting_ends_every_command_in_a_sentence(command):
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment(JWT_SECRET="short", PORT="x"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1
    assert result.stderr == "taskapp: JWT_SECRET must be at least 32 bytes long. PORT must be a whole number.\n"
