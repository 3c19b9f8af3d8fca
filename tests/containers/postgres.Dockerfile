# Debian's PostgreSQL behind the variables of the image that compose.yaml names, which cannot be pulled everywhere.
ARG BASE
FROM ${BASE}
RUN export DEBIAN_FRONTEND=noninteractive \
 && mkdir /etc/postgresql-common && echo create_main_cluster = false >/etc/postgresql-common/createcluster.conf \
 && apt-get update && apt-get install --yes --no-install-recommends postgresql util-linux \
 && rm -rf /var/lib/apt/lists/* && install -d -o postgres -m 700 /var/lib/postgresql/data
ENV PGDATA=/var/lib/postgresql/data/pgdata PATH=/usr/lib/postgresql/15/bin:${PATH}
COPY postgres-entrypoint.sh /
ENTRYPOINT ["sh", "/postgres-entrypoint.sh"]
