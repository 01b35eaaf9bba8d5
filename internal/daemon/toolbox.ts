import type { Clock } from "../clock/clock.js";
import type { Config } from "../config/config.js";
import { createResizer } from "../files/resize.js";
import { createTextReader } from "../files/text-reader.js";
import { createInstructions, leadText } from "../instructions/instructions.js";
import { supportedVersions } from "../mcp/era.js";
import type { InstructionsFor } from "../mcp/view.js";
import { createIgnoreChecker, globalIgnoreFile } from "../search/ignore.js";
import { listFiles } from "../search/list.js";
import { createRipgrep, findRipgrep, type RipgrepProgram } from "../search/ripgrep.js";
import type { ArgumentValidators } from "../tools/arguments.js";
import { builtinTools } from "../tools/builtin.js";
import type { Tool } from "../tools/types.js";
import { validators } from "../tools/validators.js";
import type { Root } from "../workspace/root.js";

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
  readonly permissionMode: string;
}

/** Builds what the tools share: one reader with its line index, one ripgrep, and for each root what is known of it. */
export function createToolbox({ clock, env, permissionMode }: ToolboxOptions): Toolbox {
  const program = findRipgrep({ searchPath: env.PATH });
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
        supportedVersions,
        permissionMode,
        authEnabled: config.auth.mode !== "none",
        viewImage: config.viewImage,
        projectContext: ({ workspace }) => instructionsOf(workspace.root).context(),
        reader,
        resize,
        ripgrep,
        ignoreChecker: ({ root }) => ignoreOf(root),
      }),
  };
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
