import type { Clock } from "../clock/clock.js";
import { commandLimits } from "../commands/commands.js";
import type { Config } from "../config/config.js";
import { Fault } from "../errs/errs.js";
import { createResizer } from "../files/resize.js";
import { createTextReader } from "../files/text-reader.js";
import { gitPolicy } from "../git/policy.js";
import { createInstructions, leadText } from "../instructions/instructions.js";
import { supportedVersions } from "../mcp/era.js";
import type { InstructionsFor } from "../mcp/view.js";
import { createIgnoreChecker, globalIgnoreFile } from "../search/ignore.js";
import { listFiles } from "../search/list.js";
import { createRipgrep, findRipgrep, type RipgrepProgram } from "../search/ripgrep.js";
import { createAdmission } from "../tools/admission.js";
import type { ArgumentValidators } from "../tools/arguments.js";
import { builtinTools } from "../tools/builtin.js";
import type { Tool } from "../tools/types.js";
import { validators } from "../tools/validators.js";
import type { Root } from "../workspace/root.js";
import type { Workspace } from "../workspace/workspace.js";
import { leadsElsewhere, reloadHint } from "./snapshot.js";
import type { Workshop } from "./workshop.js";

/** The tools of the product and what they stand on. */
export interface Toolbox {
  readonly tools: (config: Config) => readonly Tool[];
  readonly validators: ArgumentValidators;
  readonly instructions: InstructionsFor;
  /** What searches; undefined when there is none. */
  readonly ripgrep: RipgrepProgram | undefined;
}

export interface ToolboxOptions {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Home directory as commands see it. */
  readonly home: string;
  readonly workshop: Workshop;
}

/** Builds what the tools share: one reader with its line index, one ripgrep, and for each root what is known of it. */
export function createToolbox({ clock, env, home, workshop }: ToolboxOptions): Toolbox {
  const program = findRipgrep({ searchPath: workshop.ownPath });
  const ripgrep = createRipgrep({ program, clock });
  const reader = createTextReader({ clock });
  const resize = createResizer();
  const globalFile = globalIgnoreFile(env);
  const ignoreOf = perRoot((root) => createIgnoreChecker(root, { globalFile }));
  const instructionsOf = perRoot((root) =>
    createInstructions({
      root,
      clock,
      find: (include, maxResults, signal) =>
        listFiles(root, { ignore: ignoreOf(root), ripgrep }, { ...everything, include, maxResults }, signal),
    }),
  );

  return {
    validators,
    ripgrep: program,
    async instructions(reachable, toolNames) {
      const lead = leadText(toolNames.find((name) => name === "apply_patch"));
      const texts = await Promise.all(
        reachable.map(async ({ workspace: { id, root } }) => {
          const text = await instructionsOf(root).text();
          return text === "" || reachable.length === 1 ? text : `Workspace ${id}:\n${text}`;
        }),
      );
      return [lead, ...texts].filter((text) => text !== "").join("\n\n");
    },
    tools: (config) =>
      builtinTools({
        ...commandTools(config),
        supportedVersions,
        authEnabled: config.auth.mode !== "none",
        viewImage: config.viewImage,
        projectContext: ({ workspace }) => instructionsOf(workspace.root).context(),
        reader,
        resize,
        ripgrep,
        ignoreChecker: ({ root }) => ignoreOf(root),
        patcher: workshop.patcher,
      }),
  };

  /** What the tools that run commands need under one configuration. */
  function commandTools(config: Config) {
    const { permissionMode: mode, approvals, environment, sandbox } = config.exec;
    let searchPath = env.PATH ?? "";
    // Made now: later a command could have pointed the work tree at another repository.
    const gitPolicies = new Map(
      config.workspaces.map(({ id, real }) => {
        const commands = workshop.sandboxPolicy(config, { id, path: real }, searchPath);
        return [id, gitPolicy(commands)];
      }),
    );
    const admission = createAdmission({
      mode,
      policy: workshop.policy,
      approvals: workshop.approvals,
      home,
      sandboxPolicy: ({ workspace }) => workshop.sandboxPolicy(config, inPlace(workspace), searchPath),
    });
    /** Waits, once, until it is known where programs are. */
    const ready = async (): Promise<void> => {
      searchPath = (await workshop.loginPath()).path;
    };
    return {
      commands: workshop.commands,
      git: workshop.git,
      policy(workspace: Workspace) {
        const { id } = inPlace(workspace);
        const made = gitPolicies.get(id);
        if (made === undefined) throw new Fault("FAILED", `no workspace ${id}`);
        return { ...made, path: searchPath };
      },
      confined: () => workshop.sandbox.status().level !== "none",
      home,
      clock,
      mode,
      approvals: workshop.approvals,
      askClient: approvals === "client",
      networkAllowed: sandbox.network === "host",
      async admit(call: Parameters<typeof admission.admit>[0]) {
        await ready();
        return admission.admit(call);
      },
      async refusals(...[call, args]: Parameters<typeof admission.refusals>) {
        await ready();
        return admission.refusals(call, args);
      },
      execFacts: (workspaceId: string) => ({
        permissionMode: mode,
        networkAllowed: sandbox.network === "host",
        ...workshop.lasting(workspaceId),
        environment,
        sandbox: workshop.sandbox.status(),
        retention: {
          buffer_bytes_per_stream: commandLimits.ring.head + commandLimits.ring.tail,
          head_bytes_per_stream: commandLimits.ring.head,
        },
      }),
    };
  }
}

/** A sandbox is made by path: where that leads elsewhere by now, what lies there would be shown. */
function inPlace(workspace: Workspace): Workspace {
  const { id, path } = workspace;
  if (!leadsElsewhere({ path, real: path })) return workspace;
  throw new Fault(
    "SYMLINK_ESCAPE",
    `the folder of workspace '${id}' leads elsewhere now, which is not followed`,
    {
      hint: `ask the owner: ${reloadHint}`,
    },
  );
}

/** The scope in which nested instruction files are looked for. */
const everything = {
  path: ".",
  exclude: [],
  includeHidden: false,
  includeIgnored: false,
  sort: "path",
} as const;

/** Makes one `T` for each root, for as long as that root is used. */
function perRoot<T>(make: (root: Root) => T): (root: Root) => T {
  const made = new WeakMap<Root, T>();
  return (root) => {
    const known = made.get(root) ?? make(root);
    made.set(root, known);
    return known;
  };
}
