"""Performance of taskapp: compared with other services, over a slow link, and with growing tables.

``make bench`` runs all measurements, writes ``results.json``, and generates ``RESULTS.md`` and the plots from it.
``make bench-check`` runs the main measurements briefly and prints the missed goals.

    __main__.py   the commands
    settings.py   durations and repetitions
    services.py   taskapp and its peers: how to prepare and start each one
    servers.py    a running service: its processes, their CPU time and memory
    databases.py  one PostgreSQL with a database per service and the same tasks in each
    contract.py   a check of each service before it is timed
    load.py       load generation with wrk and load.lua
    compare.py    the comparison: every service, operation and number of connections, in turn
    messages.py   the number of messages to the database per request
    slow_link.py  a distant database
    growth.py     large tables and users with many tasks
    profiling.py  the CPU time of a request by package
    footprint.py  memory and start time
    machine.py    the machine and the versions
    sizes.py      the bytes of rows, in capacity.json
    capacity.py   what numbers of users take, computed from the costs and assumptions
    goals.py      the goals of taskapp
    report.py     RESULTS.md
    capacity_report.py  docs/capacity.md
    plots.py      the plots; needs matplotlib from requirements.txt and therefore runs in .venv-bench
    peers/        the other services, which also run in .venv-bench
"""
