"""What happens to the log of changes apart from the requests of its user, done by plain statements."""

import json

from tests.support.postgres import run_sql


def purge(client, database_url, number):
    """Delete the changes of a user up to a number, as the purge does."""
    run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number <= %s", [client.user_id, number])


def mark(client, database_url):
    """Make markers of all changes of a user, as the purge does with the newest one."""
    marker = "UPDATE changes SET task_id = 0, previous = NULL, before = '{}', after = '{}' WHERE user_id = %s"
    run_sql(database_url, marker, [client.user_id])


def write_unlogged(client, database_url, path):
    """Change the title of a task as a release without the log does."""
    update = "UPDATE tasks SET title = 'unlogged', version = version + 1 WHERE user_id = %s AND id = %s"
    run_sql(database_url, update, [client.user_id, path[1:]])


def delete_and_restore(client, database_url, path):
    """Delete a task, and restore it, logged as an undo of the deletion."""
    task = "SELECT to_jsonb(tasks) FROM tasks WHERE user_id = %s AND id = %s"
    ((row,),) = run_sql(database_url, task, [client.user_id, path[1:]])
    assert client.delete(path).status == 200
    run_sql(
        database_url,
        "WITH deletion AS (SELECT * FROM changes WHERE user_id = %(user)s ORDER BY number DESC LIMIT 1), restored AS ("
        " INSERT INTO changes (user_id, number, task_id, previous, undoes, at, after)"
        " SELECT user_id, number + 1, task_id, number, number, now(), before FROM deletion RETURNING number)"
        " INSERT INTO tasks OVERRIDING SYSTEM VALUE SELECT task.* FROM restored, jsonb_populate_record(NULL::tasks,"
        " %(row)s::jsonb || jsonb_build_object('version', number)) AS task",
        {"user": client.user_id, "row": json.dumps(row)},
    )
