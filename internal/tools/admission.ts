import type { PermissionMode } from "../config/config.js";
import type { Approvals } from "../policy/approvals.js";
import type { Policy } from "../policy/policy.js";
import { refusalFault } from "../policy/refusal.js";
import { asText } from "../policy/subject.js";
import type { Finding } from "../policy/types.js";
import type { SandboxPolicy } from "../sandbox/types.js";
import type { ToolCall } from "./types.js";

export interface AdmissionDeps {
  readonly mode: PermissionMode;
  readonly policy: Policy;
  readonly approvals: Approvals;
  /** What the configuration lets the commands of the call's workspace reach. */
  readonly sandboxPolicy: (call: ToolCall) => SandboxPolicy;
  /** The home directory as commands see it. */
  readonly home: string;
}

/** Decides whether a command may run, and within what. */
export interface Admission {
  /** What the mode refuses about an `exec_command` with these arguments, whoever asked for permission. */
  refusals(call: ToolCall, args: Readonly<Record<string, unknown>>): Promise<readonly Finding[]>;
  /**
   * The sandbox policy for this `exec_command`. PERMISSION_REQUIRED when the mode refuses it and no grant covers that.
   * A grant is used up by this, and one that includes the network opens it for this command alone.
   */
  admit(call: ToolCall): Promise<SandboxPolicy>;
}

/** The policy id of commands that were granted the network; to be retired along with the workspace's own. */
export function networkedId(policyId: string): string {
  return `${policyId}+network`;
}

export function createAdmission({ mode, policy, approvals, sandboxPolicy, home }: AdmissionDeps): Admission {
  return { refusals: (call, args) => refusedBy(sandboxPolicy(call), args), admit };

  function refusedBy(
    { root, read, write, path, network }: SandboxPolicy,
    args: Readonly<Record<string, unknown>>,
  ): Promise<readonly Finding[]> {
    return policy.refusals(asText(args.cmd), {
      mode,
      root,
      cwd: asText(args.cwd ?? args.workdir ?? "."),
      home,
      // Each workspace has a /tmp of its own.
      allowedPaths: [...read, ...write, "/tmp"],
      searchPath: path,
      env: stringsOf(args.env),
      stdin: typeof args.stdin === "string" && args.stdin !== "",
      allowNetwork: network === "host",
    });
  }

  async function admit(call: ToolCall): Promise<SandboxPolicy> {
    const { args, workspace, caller } = call;
    const own = sandboxPolicy(call);
    const findings = await refusedBy(own, args);
    const subject = { tool: "exec_command", args, workspace: workspace.id, caller };
    const granted = approvals.take(
      subject,
      findings.map(({ permission }) => permission),
    );
    if (findings.length > 0 && granted === undefined) throw refusalFault(findings, asText(args.cmd));
    if (own.network === "host" || !granted?.includes("network")) return own;
    return { ...own, id: networkedId(own.id), network: "host" };
  }
}

function stringsOf(env: unknown): Record<string, string> {
  const entries = typeof env === "object" && env !== null ? Object.entries(env) : [];
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
