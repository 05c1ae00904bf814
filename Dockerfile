# camgate on Debian 12: the steps are scripts/deps and CMake's, as in a checkout.
#   docker build -t camgate .
#   docker run --env-file etc/env -p 8090:8090 -v camgate-state:/var/lib/camgate camgate
# etc/README.md has the options of a tighter run.
FROM debian:12 AS build
WORKDIR /src
COPY scripts/deps scripts/
RUN scripts/deps build
COPY . .
RUN scripts/release && cmake --install build/release --prefix /opt/camgate

FROM debian:12
COPY --from=build /src/scripts/deps /opt/camgate/setup/deps
RUN /opt/camgate/setup/deps run && rm -rf /opt/camgate/setup /var/lib/apt/lists/* && \
    useradd --system --home-dir /var/lib/camgate --shell /usr/sbin/nologin camgate && \
    install -d -o camgate -g camgate -m 700 /var/lib/camgate
COPY --from=build /opt/camgate /opt/camgate
USER camgate
ENV CAMGATE_STATE_DIR=/var/lib/camgate
VOLUME /var/lib/camgate
EXPOSE 8090
ENTRYPOINT ["/opt/camgate/bin/camgate"]
CMD ["run", "-c", "/opt/camgate/etc/camgate/camgate.lua"]
