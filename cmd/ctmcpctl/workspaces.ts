import type { Context } from "./context.js";
import { table } from "./output.js";

/** Lists the folders being served, the default one first. */
export async function run({ client, answer }: Context): Promise<number> {
  answer(await client.workspaces(), ({ workspaces }) =>
    table([["ID", "PATH", "PROFILE"], ...workspaces.map(({ id, path, profile }) => [id, path, profile])]),
  );
  return 0;
}
