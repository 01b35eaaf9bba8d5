import { existsSync } from "node:fs";
import { link, mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { AuthMode, Profile } from "../../internal/config/config.js";
import { expandPath } from "../../internal/config/paths.js";
import {
  renderTemplate,
  type TemplateAnswers,
  type TemplateWorkspace,
} from "../../internal/config/template.js";
import { errnoOf, Fault } from "../../internal/errs/errs.js";
import { packageRoot } from "../../internal/version/version.js";
import type { Context } from "./context.js";
import { remarkWarnings, withDraft } from "./draft.js";
import { printable } from "./output.js";
import { askAnswers } from "./questions.js";

/** Writes a config file from flags, or from questions when no folder is named and there is a terminal to ask on. */
export async function run(context: Context): Promise<number> {
  const { flags, configPath: path, answer, print } = context;
  if (!flags.force && !flags.print) refuseExisting(path, existsSync(path));
  if (flags.print) print(renderTemplate(await answers(context)).trimEnd());
  else {
    const { authMode } = await writeAnswers(context);
    const at = flags.config === undefined ? "" : ` --config ${path}`;
    const steps = [
      `wrote ${path}`,
      `next, start the daemon: ctmcpd${at}`,
      ...(authMode?.startsWith("oauth")
        ? [`then get the password for signing clients in: ctmcpctl${at} rotate-secret password`]
        : []),
    ];
    answer({ path, next: `ctmcpd${at}` }, () => steps.map(printable).join("\n"));
  }
  return 0;
}

function answers(context: Context): TemplateAnswers | Promise<TemplateAnswers> {
  return context.flags.workspace ? fromFlags(context) : fromQuestions(context);
}

/** A person whose answers would not work is asked again; flags are not. */
async function writeAnswers(context: Context): Promise<TemplateAnswers> {
  for (;;) {
    try {
      const given = await answers(context);
      await writeChecked(context, renderTemplate(given));
      return given;
    } catch (error) {
      if (context.flags.workspace || !(error instanceof Fault) || error.code !== "CONFIG_INVALID")
        throw error;
      context.remark(`that would not work: ${printable(error.message)}. Once more:`);
    }
  }
}

function fromFlags({ flags, home, cwd }: Context): TemplateAnswers {
  return {
    ...fixedAnswers(flags),
    workspaces: (flags.workspace ?? []).map((text) => parseWorkspace(text, { home, base: cwd })),
  };
}

async function fromQuestions({ flags, home, cwd, stdin, stdout }: Context): Promise<TemplateAnswers> {
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new Fault("USAGE", "no folder to serve is named", { hint: "add --workspace PATH" });
  }
  const { folders, ...rest } = await askAnswers({ stdin, stdout, folder: cwd === home ? "" : cwd });
  return {
    ...rest,
    ...fixedAnswers(flags),
    workspaces: folders.map((folder) => ({ path: expandPath(folder, { home, base: cwd }) })),
  };
}

/** What flags say; a flag that is not given leaves no key, so that it hides no answer. */
function fixedAnswers(flags: Context["flags"]): Omit<TemplateAnswers, "workspaces"> {
  const { hostname, listen, profile, auth } = flags;
  return {
    schemaPath: fileURLToPath(new URL("configs/coding-tools-mcp.schema.json", packageRoot)),
    ...(hostname === undefined ? {} : { hostname }),
    ...(listen === undefined ? {} : { listen }),
    // The parser has checked both against their choices.
    ...(profile === undefined ? {} : { profile: profile as Profile }),
    ...(auth === undefined ? {} : { authMode: auth as AuthMode }),
  };
}

function parseWorkspace(text: string, from: { home: string; base: string }): TemplateWorkspace {
  const [, id, path] = /^([a-z0-9][a-z0-9-]*)=(.*)$/s.exec(text) ?? [undefined, undefined, text];
  return { path: expandPath(path ?? "", from), ...(id === undefined ? {} : { id }) };
}

/** Writes `text` to the config's place if, and only if, the daemon would accept it there. */
async function writeChecked(context: Context, text: string): Promise<void> {
  const { configPath: path, flags } = context;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await withDraft(context, text, async (draft, loaded) => {
      remarkWarnings(context, loaded);
      await (flags.force ? rename(draft, path) : link(draft, path));
    });
  } catch (error) {
    refuseExisting(path, errnoOf(error) === "EEXIST");
    throw error;
  }
}

function refuseExisting(path: string, exists: boolean): void {
  if (!exists) return;
  throw new Fault("FAILED", `there is already a config at ${path}`, {
    hint: "edit it, or replace it with --force",
  });
}
