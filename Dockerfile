# clip-server on ONNX Runtime's CPU provider. How it is built and run: docs/docker.md.

# Both stages start here. A build that must be the same every time passes the image by digest.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS build
# The compiler is Debian 12's, whatever its patch level.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# This image's npm knows nothing of package.json's `allowScripts`, which allows none.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY native native
COPY playground playground
COPY scripts scripts
COPY src src
RUN npm run build \
    && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
    && node scripts/prune.cjs

FROM ${NODE_IMAGE}
ARG USER_ID=1000
ARG GROUP_ID=1000
# The slim image has neither groupadd nor useradd, and its own user `node` has the numbers that are most wanted.
RUN test "${USER_ID}" -gt 0 \
    && sed -i '/^node:/d' /etc/passwd /etc/group \
    && echo "cas:x:${GROUP_ID}:" >> /etc/group \
    && echo "cas:x:${USER_ID}:${GROUP_ID}::/home/cas:/usr/sbin/nologin" >> /etc/passwd \
    && rm -rf /home/node \
    && mkdir -p /cas /home/cas/.cache \
    && chown -R "${USER_ID}:${GROUP_ID}" /cas /home/cas \
    && ln -s /opt/clip-server/dist/cli/launch.cjs /usr/local/bin/clip-server
WORKDIR /opt/clip-server
COPY package.json LICENSE NOTICE ./
COPY data data
COPY engines engines
COPY flows flows
COPY models models
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/build/Release/clip-server.node build/Release/clip-server.node
COPY --from=build /build/dist dist

ENV NODE_ENV=production \
    HOME=/home/cas \
    CLIP_SERVER_ENDPOINTS=/tmp/clip-server.endpoints
# By number, so that Kubernetes' runAsNonRoot can tell.
USER ${USER_ID}:${GROUP_ID}
# Flows named by a relative path are looked for here.
WORKDIR /cas
VOLUME /home/cas/.cache
EXPOSE 51000
STOPSIGNAL SIGTERM
# The first start fetches the model; until it is ready, failures within the start period do not count.
HEALTHCHECK --interval=15s --timeout=10s --start-period=30m CMD ["clip-server", "ready"]
ENTRYPOINT ["clip-server"]
