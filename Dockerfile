# The service in a container; docs/container.md describes it. It needs a DATABASE_URL: there is no embedded PostgreSQL.

# Any image with Python 3.11 or newer and its module venv.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /srv/taskapp
COPY requirements.txt ./
# The secret is the pip.conf of a private package index, if there is one. pip itself does not get into the image.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -m venv /opt/pip \
    && python3 -m venv --without-pip /opt/venv \
    && /opt/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes -r requirements.txt
COPY wsgi.py config.py gunicorn.conf.py ./
COPY migrations migrations
COPY taskapp taskapp
# The root file system is read-only later. "unchecked" because the time of a file may change when it is copied.
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .

FROM ${BASE}
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/taskapp /srv/taskapp
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0
WORKDIR /srv/taskapp
# A number, so that Kubernetes can tell that it is not root. No such user exists, and the service needs none.
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, sys; from http.client import HTTPConnection; connection = HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 8000), timeout=2); connection.request('GET', '/health/live'); sys.exit(connection.getresponse().status != 200)"]
CMD ["gunicorn", "wsgi:app"]
