# An image that grades: the hidden checks of the course and everything they need, no Jupyter server.
# Build from the course folder:  docker build -f docker/grader.Dockerfile -t assay-grader .
ARG BASE=debian:12-slim
FROM ${BASE}

RUN apt-get update \
 && apt-get install -y --no-install-recommends bubblewrap libseccomp2 make python3 python3-venv util-linux \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 grader \
 && install -d -o grader -g grader /course

USER grader
WORKDIR /course
COPY --chown=grader pyproject.toml constraints.txt Makefile README.md ./
COPY --chown=grader assay assay
RUN python3 -m venv .venv \
 && .venv/bin/pip install --quiet --no-cache-dir --constraint constraints.txt --editable '.[grader,torch]' \
 && touch .venv/.grader
COPY --chown=grader nbgrader_config.py ./
COPY --chown=grader source source
COPY --chown=grader graders graders
COPY --chown=grader examples examples

LABEL org.opencontainers.image.title="assay-grader"
HEALTHCHECK --interval=1m --timeout=30s CMD [".venv/bin/assay", "doctor"]
CMD [".venv/bin/assay", "demo"]
