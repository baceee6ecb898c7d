# syntax=docker/dockerfile:1

# Everything, to compile with.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY sdk/package.json ./sdk/
RUN npm ci
COPY tsconfig.json tsconfig.build.json prisma.config.ts ./
COPY prisma ./prisma
COPY scripts/build.mjs ./scripts/
COPY src ./src
COPY examples ./examples
COPY sdk/tsconfig.json ./sdk/
COPY sdk/src ./sdk/src
RUN node scripts/build.mjs

# What runs: no compiler, no embedded database, no demo. The native half of argon2 is an optional package by npm's
# reckoning, so it is carried over from the full install.
FROM node:24-slim AS production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY sdk/package.json ./sdk/
RUN npm ci --omit=dev --omit=optional && npm cache clean --force
COPY --from=build /app/node_modules/@node-rs ./node_modules/@node-rs
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/sdk/dist ./sdk/dist
COPY prisma/migrations ./prisma/migrations
COPY views ./views

FROM node:24-slim
# Without a limit Node lets the heap grow by what the machine has, and every thread keeps memory of its own
# (docs/performance.md).
ENV NODE_ENV=production STILE_CONFIG=/etc/stile/stile.yaml MALLOC_ARENA_MAX=2 \
  NODE_OPTIONS="--max-old-space-size=320 --max-semi-space-size=8"
WORKDIR /app
COPY --from=production --chown=root:root /app ./
USER node
EXPOSE 3000
# Is the process answering? /health/ready asks the database, too, and is for the load balancer.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:3000/health/live').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/cli.js"]
CMD ["start"]
