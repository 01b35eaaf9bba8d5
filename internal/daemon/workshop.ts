import { join } from "node:path";
import type { Clock } from "../clock/clock.js";
import { type Commands, createCommands, type OwnedCommand } from "../commands/commands.js";
import { commandEnvironment } from "../commands/environment.js";
import { type LoginPath, resolveLoginPath } from "../commands/login-path.js";
import { whoChanges, withoutChangeable } from "../config/changeable.js";
import type { Config } from "../config/config.js";
import { createGit, type Git } from "../git/git.js";
import { gitIdentity } from "../git/identity.js";
import { gitId } from "../git/policy.js";
import type { Log } from "../log/log.js";
import { createPatcher, type Patcher } from "../patch/patcher.js";
import { type Approval, type Approvals, createApprovals } from "../policy/approvals.js";
import { isSensitiveVariable } from "../policy/environment.js";
import { createPolicy, type Policy } from "../policy/policy.js";
import { createSandbox } from "../sandbox/sandbox.js";
import type { Sandbox, SandboxPolicy } from "../sandbox/types.js";
import { networkedId } from "../tools/admission.js";
import type { Workspace } from "../workspace/workspace.js";
import { openUnmoved, ownPaths } from "./snapshot.js";

export interface WorkshopDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute home directory of the user. */
  readonly home: string;
  /** The user's shell, absolute; undefined when unknown. */
  readonly shell: string | undefined;
  readonly uid: number;
  /** Absolute paths that neither clients nor commands reach, besides those that the configuration names. */
  readonly closed: readonly string[];
  readonly onCommandEnded: (ended: OwnedCommand) => void;
  /** A request for permissions was answered, by the owner or at the client. */
  readonly onDecided: (approval: Approval) => void;
  /** The configuration in force, at first the one to start with; state and runtime directories never change. */
  readonly config: () => Config;
}

export interface Lasting {
  readonly runtimeDir: string;
  readonly home: string;
  readonly tmpdir: string;
  readonly cacheDir: string;
}

/** What changes files and runs commands, for as long as the daemon runs. */
export interface Workshop {
  readonly patcher: Patcher;
  readonly sandbox: Sandbox;
  readonly commands: Commands;
  readonly git: Git;
  readonly policy: Policy;
  readonly approvals: Approvals;
  /** PATH of the daemon without folders that clients may change: for what runs outside of the sandbox. */
  readonly ownPath: string;
  /** Where programs are found; resolves within 10 s of the start. */
  readonly loginPath: () => Promise<LoginPath>;
  /** The same when it is known already, else null. */
  readonly foundPath: () => LoginPath | null;
  /** The directories that last for the commands of a workspace. */
  lasting(workspaceId: string): Lasting;
  /** What the commands of a workspace may reach under `config`. */
  sandboxPolicy(config: Config, workspace: Pick<Workspace, "id" | "path">, path: string): SandboxPolicy;
  /** Puts right what an earlier process left half done. Await it before the first request. */
  recover(): Promise<void>;
  /** Ends the commands of workspaces that `next` no longer serves, serves from elsewhere, or serves read-only. */
  retire(before: readonly Workspace[], next: readonly Workspace[]): void;
  /** Ends the commands of one workspace, and what was made ready for further ones: they have the folder that was there. */
  end(workspaceId: string): void;
  close(): Promise<void>;
}

export function createWorkshop(deps: WorkshopDeps): Workshop {
  const { clock, log, env, uid } = deps;
  const { stateDir, runtimeDir, exec } = deps.config();
  const ownPath = withoutChangeable(env.PATH ?? "", whoChanges(deps.config()));
  let minimum = exec.sandbox.minimum;
  const sandbox = createSandbox({ minimum: () => minimum, runtimeDir, homeDirectory: deps.home, clock, uid });
  const commands = createCommands({ sandbox, clock, onEnded: deps.onCommandEnded });
  const patcher = createPatcher({
    stateDir,
    uid,
    clock,
    openRoot: (path) => openUnmoved({ path, real: path }, [...ownPaths(deps.config()), ...deps.closed]),
  });
  let resolving: Promise<LoginPath> | undefined;
  let found: LoginPath | null = null;
  let identity: Readonly<Record<string, string>> = {};

  function lasting(workspaceId: string): Lasting {
    const runtimeDir = join(stateDir, "workspaces", workspaceId);
    return {
      runtimeDir,
      home: join(runtimeDir, "home"),
      tmpdir: join(runtimeDir, "tmp"),
      cacheDir: join(runtimeDir, "cache"),
    };
  }

  function end(workspaceId: string): void {
    commands.retire(workspaceId);
    for (const id of [workspaceId, networkedId(workspaceId), gitId(workspaceId)]) sandbox.retire(id);
  }

  return {
    patcher,
    sandbox,
    commands,
    git: createGit({ sandbox, clock }),
    policy: createPolicy(),
    approvals: createApprovals({
      clock,
      onChange(approval, what) {
        const { id, state, tool, workspace, caller, permissions, decidedBy } = approval;
        log.notice("permission request", { id, state, tool, workspace, caller, permissions, decidedBy });
        if (what === "decided") deps.onDecided(approval);
      },
    }),
    ownPath,
    loginPath() {
      resolving ??= Promise.all([
        resolveLoginPath({ shell: deps.shell, env, startPath: ownPath, clock }),
        gitIdentity(env),
      ]).then(([path, owner]) => {
        found = path;
        identity = owner;
        return path;
      });
      return resolving;
    },
    foundPath: () => found,
    lasting,
    sandboxPolicy(config, workspace, path) {
      minimum = config.exec.sandbox.minimum;
      const own = config.workspaces.find(({ id }) => id === workspace.id)?.exec;
      const { environment, permissionMode, sandbox: limits } = config.exec;
      const { home, tmpdir: tmp, cacheDir: cache } = lasting(workspace.id);
      const isSensitive = permissionMode === "dangerous" ? () => false : isSensitiveVariable;
      return {
        id: workspace.id,
        root: workspace.path,
        readOnly: false,
        network: limits.network,
        read: limits.read,
        write: limits.write,
        masks: [
          ...config.workspaces.filter(({ id }) => id !== workspace.id).map((other) => other.path),
          ...ownPaths(config),
          ...deps.closed,
        ],
        home,
        tmp,
        cache,
        path: [...(own?.path ?? []), path].join(":"),
        env: commandEnvironment(env, {
          ...environment,
          set: { ...identity, ...environment.set, ...own?.env },
          isSensitive,
        }),
      };
    },
    async recover() {
      for (const { id, workspace, outcome, problems } of await patcher.recoverPatches()) {
        const level = outcome === "conflict" || outcome === "failed" ? "error" : "notice";
        log[level]("a change that was cut off has been looked after", { id, workspace, outcome, problems });
      }
    },
    retire(before, next) {
      for (const old of before) {
        const now = next.find(({ id }) => id === old.id);
        if (now?.path === old.path && (now.profile === old.profile || now.profile === "full")) continue;
        end(old.id);
      }
    },
    end,
    async close() {
      await commands.close();
      await sandbox.close();
    },
  };
}
