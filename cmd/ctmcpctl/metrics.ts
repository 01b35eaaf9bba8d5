import type { Context } from "./context.js";

/** Shows the daemon's numbers, as Prometheus would read them. */
export async function run({ client, stdout }: Context): Promise<number> {
  stdout.write(await client.metrics());
  return 0;
}
