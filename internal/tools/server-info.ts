import type { ProjectContext } from "../instructions/instructions.js";
import { productName, productTitle, version } from "../version/version.js";
import { readOnly } from "./annotations.js";
import { type ExecFacts, execPlace } from "./exec-environment.js";
import type { ReachableWorkspace, Tool } from "./types.js";

export interface ServerInfoDeps {
  readonly supportedVersions: readonly string[];
  readonly authEnabled: boolean;
  readonly projectContext: (reachable: ReachableWorkspace) => Promise<ProjectContext>;
  readonly execFacts: (workspaceId: string) => ExecFacts;
}

const noArguments = { type: "object", properties: {}, additionalProperties: false } as const;

/** `server_info`: who this server is, what it serves and what the caller may use. */
export function serverInfoTool(deps: ServerInfoDeps): Tool {
  return {
    name: "server_info",
    title: "Server info",
    description: "Shows the version, workspace, permission mode and tools.",
    inputSchema: noArguments,
    annotations: readOnly,
    profile: "read-only",
    lane: "fast",
    async run({ workspace, reachable, toolNames }) {
      const own = reachable.find((entry) => entry.workspace === workspace);
      const profile = own?.profile ?? workspace.profile;
      const facts = deps.execFacts(workspace.id);
      const mode = facts.permissionMode;
      const strict = mode === "safe" ? "blocked" : "allowed";
      const { level, reason } = facts.sandbox;
      const structured = {
        ok: true,
        server: productName,
        title: productTitle,
        version,
        supported_protocol_versions: deps.supportedVersions,
        workspace: workspace.path,
        workspace_id: workspace.id,
        profile,
        permission_mode: mode,
        ...execPlace(facts),
        auth_enabled: deps.authEnabled,
        dangerously_skip_all_permissions: mode === "dangerous",
        annotation_override: null,
        // Commands are held by namespaces, see `sandbox`.
        landlock: { available: false, abi_version: null, enabled: false },
        sandbox: { level, reason: reason ?? null },
        exec_policy: {
          shell_expansion: strict,
          inline_script: strict,
          global_tmp_write: "blocked",
          secret_env_filter: mode === "dangerous" ? "disabled" : "enabled",
        },
        shell_env_inherit: facts.environment.inherit,
        shell_env_include_only: facts.environment.includeOnly,
        shell_env_exclude: facts.environment.exclude,
        output_retention: facts.retention,
        endpoint_path: "/mcp",
        project_context: await deps.projectContext(own ?? { workspace, profile }),
        tools: toolNames,
        tool_count: toolNames.length,
        warnings: [],
      };
      const text = [
        `${productTitle} ${version}`,
        `workspace ${workspace.id}: ${workspace.path} (${profile})`,
        `commands: mode ${mode}, sandbox ${level}, network ${facts.networkAllowed ? "open" : "closed"}`,
        `tools: ${toolNames.join(", ")}`,
      ].join("\n");
      return { content: [{ type: "text", text }], structured };
    },
  };
}

/** `list_workspaces`: the ids that the `workspace` argument takes. */
export function listWorkspacesTool(): Tool {
  return {
    name: "list_workspaces",
    title: "List workspaces",
    description: "Lists the workspaces you may use, with the ids that other tools take as workspace.",
    inputSchema: noArguments,
    annotations: readOnly,
    profile: "read-only",
    lane: "fast",
    onlyWithSeveralWorkspaces: true,
    run({ reachable }) {
      const workspaces = reachable.map(({ workspace: { id, path }, profile }, index) => ({
        id,
        path,
        profile,
        default: index === 0,
      }));
      const text = workspaces
        .map(
          ({ id, path, profile, default: first }) => `${id}: ${path} (${profile}${first ? ", default" : ""})`,
        )
        .join("\n");
      return { content: [{ type: "text", text }], structured: { ok: true, workspaces, warnings: [] } };
    },
  };
}
