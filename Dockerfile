# SPDX-License-Identifier: MIT
# Two images from one file:
#
#   docker build -t tickd .                        the daemon: its libraries, no shell, no package manager
#   docker build -t tickd-migrate --target migrate .   deploys and verifies the schema, and exits
#
# --build-arg COMMIT=$(git rev-parse --short=12 HEAD) puts the commit into tickd --version.
ARG DEBIAN=debian:bookworm-slim

FROM ${DEBIAN} AS build
WORKDIR /src
COPY scripts/deps scripts/deps
RUN apt-get update -q && apt-get install -y -q --no-install-recommends make ca-certificates && \
    scripts/deps build && rm -rf /var/lib/apt/lists/*
COPY . .
ARG COMMIT=unknown
RUN make -j2 MODE=release COMMIT="$COMMIT" install DESTDIR=/out PREFIX=/usr && \
    strip /out/usr/bin/tickd /out/usr/bin/tickreplay && \
    scripts/image-root /out/usr/bin/tickd /out/usr/bin/tickreplay -- /image

FROM ${DEBIAN} AS migrate
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \
        sqitch libdbd-pg-perl postgresql-client-15 && rm -rf /var/lib/apt/lists/*
COPY sql /sql
COPY deploy/migrate /usr/bin/migrate
USER 65532:65532
ENTRYPOINT ["/usr/bin/migrate"]

FROM scratch AS tickd
LABEL org.opencontainers.image.title="tickd" \
      org.opencontainers.image.description="Market ticks from Kafka into PostgreSQL, exactly once" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /image /
USER 65532:65532
# A container's own loopback is reached by nobody; where the port is published to is the host's to say.
ENV TICKD_HTTP_LISTEN=0.0.0.0:9187
STOPSIGNAL SIGTERM
EXPOSE 9187
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/bin/tickd", "health"]
ENTRYPOINT ["/usr/bin/tickd"]
