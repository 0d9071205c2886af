"""How fast taskapp is: against other services of the same contract, over a slow link, and as its tables grow.

``make bench`` measures it all, writes the numbers to ``results.json``, and makes ``RESULTS.md`` and the plots of them.
``make bench-check`` measures the main thing briefly and says what falls short of the goals.

    __main__.py   what is measured, in which order
    settings.py   how long and how often
    services.py   taskapp and its peers: how each is prepared and started
    servers.py    a running service: its processes, their time and memory
    databases.py  one PostgreSQL, a database for each service, the same tasks in each
    contract.py   what each service must answer before it is timed
    load.py       a load of requests, made by wrk and load.lua
    compare.py    the comparison: every service, operation and number of connections, in turn
    messages.py   how many messages a service sends to the database for a request
    slow_link.py  a database that is far away
    growth.py     large tables, and users with many tasks
    profiling.py  where the processor's time of a request goes
    footprint.py  memory, and the time of a start
    machine.py    what it was measured on, and with which versions
    goals.py      what taskapp is to reach
    report.py     RESULTS.md
    plots.py      the plots; needs matplotlib, from requirements.txt, and so runs in .venv-bench
    peers/        the other services, which run in .venv-bench too
"""
