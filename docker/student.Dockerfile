# The server of one student: JupyterLab with nbgrader's student side, torch, TensorFlow and the self-checks. No hidden check.
# docker build -f docker/student.Dockerfile --build-arg REVISION=$TAG -t assay-student:cpu-$TAG .
ARG BASE=quay.io/jupyter/pytorch-notebook:2026-08-24
FROM ${BASE}

USER root
# Up to the libraries this is the same in student.Dockerfile and grader.Dockerfile, so that both share these layers.
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates tini util-linux \
 && { command -v python3 || apt-get install --yes --no-install-recommends python3 python3-venv; } \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
 && { getent passwd 1000 || useradd --create-home --shell /bin/bash --uid 1000 --gid users jovyan; }

# torch comes from this index; it is the base's own where that has the pinned version. TensorFlow then uses the same CUDA
# libraries. For GPUs: the base with cuda12- before its tag, https://download.pytorch.org/whl/cu126, tensorflow[and-cuda].
# PyPI's own torch has those of CUDA 13, and in one folder with those of CUDA 12 each would take the other's cuDNN.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG TENSORFLOW=tensorflow
ENV PATH=/opt/assay/bin:${PATH}
COPY constraints.txt /usr/src/assay/
RUN python3 -m venv --system-site-packages /opt/assay \
 && pip install --quiet --no-cache-dir --constraint /usr/src/assay/constraints.txt \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} torch "$TENSORFLOW"
COPY pyproject.toml /usr/src/assay/
# Jupyter finds its extensions, terminals among them, beside this Python alone, so a base's own does not do.
RUN cd /usr/src/assay && mkdir -p assay && touch assay/__init__.py \
 && pip install --quiet --no-cache-dir --constraint constraints.txt --ignore-installed jupyterhub jupyterlab nbgrader \
 && pip install --quiet --no-cache-dir --constraint constraints.txt \
    '.[student,data,graph,tensorflow,server]' jupyterhub jupyterlab nbgrader \
 && pip uninstall --quiet --yes assay && rm -rf /usr/src/assay/build

COPY assay /usr/src/assay/assay
# Before the RUN, since buildah otherwise takes a label with another revision from its cache.
ARG REVISION=unknown
# A base can call its user 1000 otherwise, and have no such home.
RUN pip install --quiet --no-cache-dir --no-deps /usr/src/assay && rm -rf /usr/src/assay \
 && { [ -d /home/jovyan ] || install -d -o 1000 -g users /home/jovyan; }

LABEL org.opencontainers.image.title="assay-student" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.description="JupyterLab for students of a course on Assay"
USER 1000
ENV HOME=/home/jovyan
WORKDIR /home/jovyan
EXPOSE 8888
# JupyterHub watches the server itself; this says the same to the engine.
HEALTHCHECK --interval=30s --timeout=10s --start-period=1m \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8888"]
ENTRYPOINT ["tini", "-g", "--"]
CMD ["python3", "-P", "-m", "assay.hub.student_server"]
