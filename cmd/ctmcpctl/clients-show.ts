import type { GrantReport, WorkspaceReport } from "../../internal/admin/types.js";
import type { ClientRecord } from "../../internal/clients/clients.js";
import { connectionsOf, lastCallOf, programOf } from "./clients.js";
import type { Context } from "./context.js";
import { findGrant, reachOf } from "./grants.js";
import { ago, table } from "./output.js";

/** Shows all there is about one signed-in client. */
export async function run(context: Context): Promise<number> {
  const { args, client, answer } = context;
  const [text = ""] = args;
  const grant = await findGrant(context, text);
  const [{ clients }, { workspaces }] = await Promise.all([client.clients(), client.workspaces()]);
  answer({ grant, connections: connectionsOf(grant, clients) }, ({ connections }) =>
    describe(grant, connections, workspaces),
  );
  return 0;
}

function describe(
  grant: GrantReport,
  connections: readonly ClientRecord[],
  workspaces: readonly WorkspaceReport[],
): string {
  return table([
    ["id", grant.id],
    [
      "name",
      grant.client_name === null ? "none given" : `${JSON.stringify(grant.client_name)}, not verified`,
    ],
    ["sent back to", grant.redirect_host],
    ["client id", grant.client_id],
    ["profile", grant.profile],
    ...labelled("workspaces", workspaceLines(grant, workspaces)),
    ["signed in", grant.created_at],
    ["last token", grant.used_at],
    ["ends", `${grant.expires_at}, unless it comes back before`],
    ...labelled("seen as", connections.map(describeConnection)),
  ]);
}

function labelled(label: string, lines: readonly string[]): string[][] {
  return lines.map((line, i) => [i === 0 ? label : "", line]);
}

function workspaceLines(grant: GrantReport, served: readonly WorkspaceReport[]): string[] {
  const gone = grant.workspaces?.filter((id) => !served.some((workspace) => workspace.id === id)) ?? [];
  return [
    ...(grant.workspaces === null ? ["all, also ones added later"] : []),
    ...reachOf(grant, served).map(({ id, profile, limited }) =>
      limited ? `${id}: ${profile}, the workspace's own profile` : `${id}: ${profile}`,
    ),
    ...gone.map((id) => `${id}: not served now`),
  ];
}

function describeConnection(record: ClientRecord): string {
  return `${programOf(record)}, ${ago(record.last_seen)}, last call ${lastCallOf(record)}`;
}
