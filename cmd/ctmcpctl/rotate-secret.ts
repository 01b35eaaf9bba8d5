import type { Context } from "./context.js";

/** Makes a new bearer token and prints it, alone on stdout, so that it can be piped into a password store. */
export async function run({ client, answer, remark }: Context): Promise<number> {
  answer(await client.rotateSecret("bearer"), ({ secret }) => secret);
  remark("the old token no longer works; clients must be given this one");
  return 0;
}
