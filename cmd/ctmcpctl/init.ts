import { existsSync } from "node:fs";
import { link, mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { openPassword } from "../../internal/auth/password.js";
import { systemClock } from "../../internal/clock/clock.js";
import { type AuthMode, type Config, type Profile, usesOAuth } from "../../internal/config/config.js";
import { loadConfig } from "../../internal/config/load.js";
import { expandPath } from "../../internal/config/paths.js";
import {
  renderTemplate,
  type TemplateAnswers,
  type TemplateWorkspace,
} from "../../internal/config/template.js";
import { errnoOf, Fault } from "../../internal/errs/errs.js";
import { ensurePrivateDir } from "../../internal/fsx/private-dir.js";
import { packageRoot } from "../../internal/version/version.js";
import type { Context } from "./context.js";
import { remarkWarnings, withDraft } from "./draft.js";
import { printable } from "./output.js";
import { askAnswers, type Reach } from "./questions.js";

/**
 * Writes a config file from flags, or from questions when no folder is named and there is a terminal to ask on; makes the
 * owner's password where clients sign in; and says what comes next.
 */
export async function run(context: Context): Promise<number> {
  const { flags, configPath: path, answer, print } = context;
  if (!flags.force && !flags.print) refuseExisting(path, existsSync(path));
  if (flags.print) {
    print(renderTemplate(await answers(context)).trimEnd());
    return 0;
  }
  const { reach } = await writeAnswers(context);
  const { config } = loadConfig({ ...context, path });
  const password = usesOAuth(config) ? await makePassword(config, context.uid) : undefined;
  const at = flags.config === undefined ? "" : ` --config ${path}`;
  const next = nextCommands(reach, at);
  answer({ path, ...(password && { password }), next }, () =>
    [
      `wrote ${path}`,
      ...(password === undefined
        ? []
        : ["", `password to sign clients in with, shown this once: ${password}`]),
      "",
      "next:",
      ...next.map((command) => `  ${command}`),
    ]
      .map(printable)
      .join("\n"),
  );
  return 0;
}

/** What gets a person from here to a connected client. */
function nextCommands(reach: Reach | undefined, at: string): readonly string[] {
  const setup = reach === undefined || reach === "local" || reach === "proxy" ? [] : [reach];
  return [
    `ctmcpctl${at} install`,
    ...setup.map((provider) => `ctmcpctl${at} tunnel setup ${provider}`),
    `ctmcpctl${at} connect`,
  ];
}

/** A password where there is none yet; one that is there stays, and clients that use it. */
async function makePassword(config: Config, uid: number): Promise<string | undefined> {
  if (config.auth.oauth.password !== undefined) return undefined;
  await ensurePrivateDir(config.stateDir, { uid });
  const password = await openPassword({
    stateDir: config.stateDir,
    uid,
    clock: systemClock,
    onDamaged: (kept, reason) => {
      throw new Fault("FAILED", `${kept} holds a damaged password file: ${reason}`);
    },
  });
  return password.isSet() ? undefined : password.replace();
}

interface Given extends TemplateAnswers {
  readonly reach?: Reach;
}

function answers(context: Context): Given | Promise<Given> {
  return context.flags.workspace ? fromFlags(context) : fromQuestions(context);
}

/** A person whose answers would not work is asked again; flags are not. */
async function writeAnswers(context: Context): Promise<Given> {
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

async function fromQuestions({ flags, home, cwd, stdin, stdout }: Context): Promise<Given> {
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new Fault("USAGE", "no folder to serve is named", { hint: "add --workspace PATH" });
  }
  const { folders, ...rest } = await askAnswers({ stdin, stdout, folder: cwd === home ? "" : cwd });
  return {
    ...rest,
    authMode: rest.reach === "local" ? "bearer" : "oauth",
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
