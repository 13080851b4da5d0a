# A small image with the server alone.
#
#   docker build -t hearth .
#   mkdir -p /dev/shm/hearth && chown 999:999 /dev/shm/hearth
#   docker run -p 6379:6379 -v /dev/shm/hearth:/shm -v hearth-data:/data hearth
#
# A container's own /dev/shm is 64 MB by default and is gone with the container, and the data with it. So the
# segments go to /shm: mount a directory of the host's tmpfs there, as above, and they outlive the container.
# /data keeps the id by which a restarted container finds its segments.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin hearth && strip target/release/hearth

FROM debian:bookworm-slim
RUN groupadd --system --gid 999 hearth && useradd --system --uid 999 --gid 999 hearth \
    && mkdir /data /shm && chown hearth:hearth /data /shm
COPY --from=build /src/target/release/hearth /usr/local/bin/hearth
RUN ln -s hearth /usr/local/bin/redis-server
USER hearth
WORKDIR /data
VOLUME ["/data", "/shm"]
EXPOSE 6379
STOPSIGNAL SIGTERM
ENTRYPOINT ["hearth"]
CMD ["--bind", "*", "--protected-mode", "no", "--dir", "/data", "--shm-dir", "/shm/hearth"]
