import type { ProjectContext } from "../instructions/instructions.js";
import { productName, productTitle, version } from "../version/version.js";
import { readOnly } from "./annotations.js";
import type { ReachableWorkspace, Tool } from "./types.js";

export interface ServerInfoDeps {
  readonly supportedVersions: readonly string[];
  readonly authEnabled: boolean;
  readonly permissionMode: string;
  readonly projectContext: (reachable: ReachableWorkspace) => Promise<ProjectContext>;
}

const noArguments = { type: "object", properties: {}, additionalProperties: false } as const;

/** Where commands would run. This version runs none, so nothing is made for them. */
const execEnvironment = {
  network_allowed: false,
  runtime_dir: null,
  home: null,
  tmpdir: null,
  cache_dir: null,
} as const;

/** `server_info`: who this server is, what it serves and what the caller may use. */
export function serverInfoTool(deps: ServerInfoDeps): Tool {
  return {
    name: "server_info",
    title: "Server info",
    description:
      "Shows the server's version, the workspace, the permission mode and the tools available to you.",
    inputSchema: noArguments,
    annotations: readOnly,
    profile: "read-only",
    lane: "fast",
    async run({ workspace, reachable, toolNames }) {
      const own = reachable.find((entry) => entry.workspace === workspace);
      const profile = own?.profile ?? workspace.profile;
      const context = await deps.projectContext(own ?? { workspace, profile });
      const structured = {
        ok: true,
        server: productName,
        title: productTitle,
        version,
        supported_protocol_versions: deps.supportedVersions,
        workspace: workspace.path,
        workspace_id: workspace.id,
        profile,
        permission_mode: deps.permissionMode,
        ...execEnvironment,
        auth_enabled: deps.authEnabled,
        dangerously_skip_all_permissions: false,
        annotation_override: null,
        landlock: { available: false, abi_version: null, enabled: false },
        exec_policy: {
          shell_expansion: "blocked",
          inline_script: "blocked",
          global_tmp_write: "blocked",
          secret_env_filter: "enabled",
        },
        shell_env_inherit: "none",
        shell_env_include_only: [],
        shell_env_exclude: [],
        output_retention: { buffer_bytes_per_stream: 0, head_bytes_per_stream: 0 },
        endpoint_path: "/mcp",
        project_context: context,
        tools: toolNames,
        tool_count: toolNames.length,
        warnings: [],
      };
      const text = [
        `${productTitle} ${version}`,
        `workspace ${workspace.id}: ${workspace.path} (${profile})`,
        `tools: ${toolNames.join(", ")}`,
      ].join("\n");
      return { content: [{ type: "text", text }], structured };
    },
  };
}

/** `check_exec_environment`: how commands would be confined; this version says that it runs none. */
export function checkExecEnvironmentTool({ permissionMode }: { readonly permissionMode: string }): Tool {
  return {
    name: "check_exec_environment",
    title: "Check exec environment",
    description: "Shows whether and how this server runs commands.",
    inputSchema: noArguments,
    annotations: readOnly,
    profile: "read-only",
    lane: "fast",
    run({ workspace }) {
      const structured = {
        ok: true,
        workspace: workspace.path,
        permission_mode: permissionMode,
        ...execEnvironment,
        landlock_enabled: false,
        landlock_abi: null,
        global_tmp_write: "blocked",
        warnings: ["this server runs no commands: its tools only read"],
      };
      return {
        content: [{ type: "text", text: "This server runs no commands: its tools only read." }],
        structured,
      };
    },
  };
}

/** `list_workspaces`: the ids that the `workspace` argument takes. */
export function listWorkspacesTool(): Tool {
  return {
    name: "list_workspaces",
    title: "List workspaces",
    description: "Lists the workspaces you may use. Pass an id as the workspace argument of another tool.",
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
