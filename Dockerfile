# One image for all parts; docker-compose.yml says which of them a container is. Alone it is `./candlehouse up`,
# with SQLite and a folder in /var/lib/candlehouse.

# The web app, with the versions that its lock file names.
FROM node:22.21.1-bookworm-slim AS web
WORKDIR /app/frontend
COPY frontend/.npmrc frontend/package.json frontend/package-lock.json ./
RUN npm ci --ignore-scripts
COPY frontend ./
# Packed copies lie beside the files: that is done once here, and not for each reader.
RUN npm run build && find dist -type f -size +1k -regex '.*\.\(js\|css\|svg\|html\|json\)' -exec gzip -9k {} +

# The packages, each checked against its hash. The script is that of ./candlehouse, which then finds its work done.
FROM python:3.11.14-slim-bookworm AS packages
WORKDIR /app
COPY requirements.lock ./
COPY scripts/venv scripts/venv
RUN PIP_NO_CACHE_DIR=1 scripts/venv requirements.lock

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --user-group --home-dir /var/lib/candlehouse --create-home candlehouse
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY candlehouse scheduler.py migrate_to_minio.py requirements.lock ./
COPY scripts/answers.py scripts/venv scripts/
COPY examples examples
COPY src src
COPY --from=web /app/frontend/dist frontend/dist
# Its user may not write here, so what Python would keep at the first start is made now.
RUN .venv/bin/python -m compileall -q src scheduler.py

ENV PYTHONUNBUFFERED=1 \
    CANDLEHOUSE_DATA_DIR=/var/lib/candlehouse \
    CANDLEHOUSE_HOST=0.0.0.0 \
    CANDLEHOUSE_WEB_BUILD=false
# A number shows to everyone that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD [".venv/bin/python", "scripts/answers.py", "8000", "/health/live"]
CMD ["./candlehouse", "up"]
