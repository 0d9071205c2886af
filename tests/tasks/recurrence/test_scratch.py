from taskapp.tasks import service
from taskapp.tasks.recurrence.series import new_series
from tests.support.change_log import assert_whole
from tests.support.postgres import run_sql


def test_scratch(app, database_url):
    with app.app_context():
        r = new_series({"rule": "FREQ=WEEKLY;BYDAY=MO"}, "2026-11-30")
        t = service.create_task("rec-1", title="Water", due_date="2026-11-30", time_zone="Europe/Berlin", due_time="09:00", recurrence=r, tags=["x"])
        print(t)
        c = service.complete_task("rec-1", t.fields["id"], completed=True)
        print(c)
        again = service.complete_task("rec-1", t.fields["id"], completed=True)
        print(again.following, again.change)
        c = service.complete_task("rec-1", c.following["id"])
        print(c.following)
        c = service.complete_task("rec-1", c.fields["id"])
        print("reopened", c)
        n = c.fields["id"]
        for _ in range(70):
            c = service.complete_task("rec-1", n, completed=True)
            assert c.following, c
            n = c.following["id"]
        print(c.following)
        c = service.update_task("rec-1", n, recurrence=None)
        print(c)
        c = service.complete_task("rec-1", n)
        print(c)
    log = assert_whole(database_url, "rec-1")
    print(len(log), log[-1], log[1], log[2])
    print(run_sql(database_url, "SELECT count(*), count(*) filter (where not completed) FROM tasks WHERE user_id = 'rec-1'"))
