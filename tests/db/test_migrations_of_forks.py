"""Migrations that others add: random ids, branches and merges work, and no file is skipped in silence."""

import shutil
import subprocess
import sys

import pytest

from config import ROOT
from taskapp.db.migrations import check_ids, head_revisions
from taskapp.settings import StartupError
from tests.support.commands import HEAD, environment, flask
from tests.support.ports import free_port
from tests.support.postgres import run_sql

REVISION = '''"""A migration of a fork."""

from alembic import op

revision = "{revision}"
down_revision = "{parent}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE fork_{name} (id integer)")


def downgrade() -> None:
    op.execute("DROP TABLE fork_{name}")
'''


@pytest.fixture
def folder(tmp_path):
    """A copy of the project's migrations, to add to."""
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "migrations"


@pytest.fixture
def add(folder):
    """Adds a migration by hand, which makes a table of its name."""

    def add(name, revision, parent=HEAD):
        file = folder / "versions" / f"{revision}_{name}.py"
        file.write_text(REVISION.format(name=name, revision=revision, parent=parent))

    return add


@pytest.fixture
def db(folder, new_database):
    """Runs a command of ``flask db`` on a database of the test's own, and returns what it prints."""
    url = new_database()

    def db(command, *arguments, fails=False):
        result = flask("db", command, "--directory", folder, *arguments, MIGRATION_DATABASE_URL=url, check=False)
        assert (result.returncode != 0) is fails, result.stderr
        assert "Traceback" not in result.stderr
        return result.stdout + result.stderr

    db.url = url
    return db


def tables(db):
    rows = run_sql(db.url, "SELECT relname FROM pg_class WHERE relname LIKE 'fork%' ORDER BY 1")
    return [name for (name,) in rows]


def revisions(db):
    return sorted(name for (name,) in run_sql(db.url, "SELECT version_num FROM alembic_version"))


def new_file(folder, before):
    (file,) = set(folder.glob("versions/*.py")) - before
    return file


@pytest.mark.slow
def test_random_ids_and_numbers_follow_each_other(folder, db):
    before = set(folder.glob("versions/*.py"))
    db("revision", "-m", "by hand")
    by_hand = new_file(folder, before)
    db("upgrade")
    assert "No new upgrade operations detected" in db("check")
    run_sql(db.url, "ALTER TABLE tasks ADD COLUMN surprise integer")
    before = set(folder.glob("versions/*.py"))
    db("migrate", "-m", "generated")
    generated = new_file(folder, before)
    number = f"{int(HEAD) + 1:04}"
    assert generated.name == f"{number}_generated.py"
    assert f"down_revision = '{by_hand.name.split('_')[0]}'" in generated.read_text()
    db("upgrade")
    assert revisions(db) == [number]
    db("downgrade")  # By one.
    assert revisions(db) == [by_hand.name.split("_")[0]]
    db("upgrade", "+1")
    assert f"{number} (head)" in db("current")
    assert "generated" in db("history") + db("show", number)


@pytest.mark.slow
def test_number_that_is_asked_for_is_kept(folder, db):
    run_sql(db.url, "ALTER TABLE tasks ADD COLUMN surprise integer")
    db("migrate", "-m", "mine", "--rev-id", "mine")
    assert (folder / "versions" / "mine_mine.py").exists()


@pytest.mark.slow
def test_branches_are_refused_until_they_are_merged(db, add):
    add("a", "0904")
    add("b", "b1")
    assert "Multiple head revisions are present" in db("upgrade", fails=True)
    assert tables(db) == []
    assert {"0904 (head)", "b1 (head)"} <= set(db("heads").splitlines())
    assert f"{HEAD} (branchpoint)" in db("branches")
    db("merge", "heads", "-m", "both")
    db("upgrade")
    assert tables(db) == ["fork_a", "fork_b"]
    db("stamp", HEAD)
    assert revisions(db) == [HEAD]


@pytest.mark.slow
def test_branches_may_both_be_applied(db, add):
    add("a", "a1")
    add("b", "b1")
    db("upgrade", "heads")
    assert (tables(db), revisions(db)) == (["fork_a", "fork_b"], ["a1", "b1"])


CLASH = "The migrations 0904_a.py and 0904_b.py have the same revision id, 0904. Give one of them another id, and check"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["upgrade", "heads", "history", "current", "check", "migrate", "stamp", "merge"])
def test_two_files_with_one_id_are_refused(db, add, command):
    """Two branches of a repository that both add a migration give it the same number."""
    add("a", "0904")
    add("b", "0904")
    assert CLASH in db(command, *(["heads"] if command == "merge" else []), fails=True)
    assert tables(db) == []


def test_id_of_an_older_file_is_refused_too(folder, add):
    """Alembic would then run one of the two, and never the other."""
    add("late", "0002", "0001")
    with pytest.raises(StartupError, match=r"0002_index_sorted_lists\.py and 0002_late\.py have the same revision id"):
        check_ids(folder)


def test_readiness_says_what_is_wrong_with_the_files(folder, add, make_app, new_database, via_pooler):
    url = new_database()
    app = make_app(DATABASE_URL=via_pooler(url))
    app.extensions["migrate"].directory = str(folder)

    def problem():
        head_revisions.cache_clear()
        response = app.test_client().get("/health/ready")
        return response.json["error"]["details"]["migrations"][0] if response.status_code == 503 else None

    try:
        assert problem() is None
        add("a", "0904")
        assert "not at the newest migration" in problem()
        add("c", "0905")
        assert problem() == (
            "The migrations end in several revisions: 0904, 0905. Run 'flask db merge heads', and then "
            "'flask db upgrade'."
        )
        run_sql(url, "UPDATE alembic_version SET version_num = '0904'; INSERT INTO alembic_version VALUES ('0905')")
        assert problem() is None  # Both are applied.
        add("b", "0904")
        assert CLASH in problem()
    finally:
        app.extensions["migrate"].directory = str(ROOT / "migrations")
        head_revisions.cache_clear()


@pytest.mark.filterwarnings("ignore:Revision 0777")
def test_revision_without_a_file_is_named(folder, add):
    """As after a merge that left a file out. Alembic raises a KeyError."""
    add("a", "0904", "0777")
    head_revisions.cache_clear()
    with pytest.raises(StartupError, match="A migration follows the revision '0777', of which there is no file"):
        head_revisions(folder)


@pytest.mark.slow
def test_start_with_branches_or_a_clash_ends_in_a_sentence(folder, add, new_database, settings, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(ROOT / "taskapp", project / "taskapp", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "config.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, project)
    (project / "migrations").symlink_to(folder)
    add("a", "0904")
    for name, revision, sentence in [("c", "0905", "Multiple head revisions are present"), ("b", "0904", CLASH)]:
        add(name, revision)
        changes = {"DATABASE_URL": new_database(), "MIGRATE_ON_START": "true", "PORT": free_port()}
        result = subprocess.run(
            [sys.executable, "-m", "gunicorn", "wsgi:app"],
            cwd=project,
            env=environment(**{**settings, **changes}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert result.returncode != 0
        assert sentence in result.stderr
        assert "Traceback" not in result.stderr
