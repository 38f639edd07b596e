/** Where the benchmarks find PostgreSQL. */
export const databaseUrl = process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";

/** Where the benchmarks find RabbitMQ, with the heartbeat that a relay asks for. */
export const amqpUrl = withHeartbeat(process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672");

function withHeartbeat(address: string): string {
  const url = new URL(address);
  if (!url.searchParams.has("heartbeat")) url.searchParams.set("heartbeat", "3");
  return url.href;
}
