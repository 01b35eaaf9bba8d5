import type { Context } from "./context.js";

/** Ends the waiting time after wrong passwords. */
export async function run({ client, answer }: Context): Promise<number> {
  answer(await client.unlock(), ({ cleared }) =>
    cleared === 0 ? "nobody had to wait" : "done: the password can be tried again at once",
  );
  return 0;
}
