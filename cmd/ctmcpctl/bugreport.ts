import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir, userInfo } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Config } from "../../internal/config/config.js";
import { loadConfig } from "../../internal/config/load.js";
import { errnoOf, Fault, messageOf } from "../../internal/errs/errs.js";
import { createDisguise } from "./bugreport/disguise.js";
import { gather, type Part } from "./bugreport/gather.js";
import type { Context } from "./context.js";
import { printable, table } from "./output.js";
import { createSession } from "./session.js";

/** Far more than a report holds. */
const maxBytes = 64 * 2 ** 20;

/**
 * Writes a compressed tar file for somebody who is to find out what goes wrong here, for the owner's eyes only. Says
 * first what is in it, and asks; with `--print` shows all of it and writes nothing.
 */
export async function run(context: Context): Promise<number> {
  const { flags, cwd, print, remark, answer } = context;
  const disguise = await disguiseOf(context);
  const parts = (await gather(context)).map((part) => ({ ...part, text: disguise(part.text) }));
  if (flags.print) {
    for (const { name, text } of parts)
      print(`==> ${name} <==\n${text.split("\n").map(printable).join("\n")}`);
    return 0;
  }
  remark(contents(parts));
  remark(
    "without secrets; ~, USER, MACHINE and HOST stand for names. To read all of it: ctmcpctl bugreport --print",
  );
  const path = resolve(cwd, flags.output ?? defaultName());
  if (!flags.yes && !(await createSession(context).confirm(`Write ${printable(path)}?`))) {
    throw new Fault("USAGE", "nothing was written", { hint: "to write it without being asked: --yes" });
  }
  await write(path, await pack(parts, basename(path).replace(/\.tar\.gz$|\.tgz$/, "")));
  answer({ path, files: parts.map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text) })) }, () =>
    printable(path),
  );
  return 0;
}

async function disguiseOf(context: Context): Promise<(text: string) => string> {
  const { home, uid, client } = context;
  const status = await client.status().catch(() => undefined);
  return createDisguise({
    home,
    uid,
    user: userName(),
    machine: hostname(),
    config: configOf(context),
    status,
  });
}

function configOf(context: Context): Config | undefined {
  try {
    return loadConfig({ ...context, path: context.configPath }).config;
  } catch {
    // What is wrong with the file is part of the report.
    return undefined;
  }
}

/** Undefined where the user is in no list of users, as in some containers. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function contents(parts: readonly Part[]): string {
  const rows = parts.map(({ name, about, text }) => [
    name,
    text.startsWith("not there: ") ? "-" : `${Buffer.byteLength(text)} bytes`,
    about,
  ]);
  return table([["file", "size", "what it is"], ...rows]);
}

function defaultName(): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  return `coding-tools-mcp-bugreport-${time}.tar.gz`;
}

/** By the tar of the system, in one folder so that unpacking it leaves no heap. */
async function pack(parts: readonly Part[], name: string): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), "ctmcp-bugreport-"));
  try {
    await mkdir(join(dir, name));
    for (const part of parts) await writeFile(join(dir, name, part.name), part.text);
    const options = { encoding: "buffer", maxBuffer: maxBytes } as const;
    return (await promisify(execFile)("tar", ["-czf", "-", "-C", dir, name], options)).stdout;
  } catch (error) {
    throw new Fault("FAILED", `tar: ${messageOf(error)}`, { cause: error });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function write(path: string, bytes: Buffer): Promise<void> {
  try {
    await writeFile(path, bytes, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const what = errnoOf(error) === "EEXIST" ? `${path} is there already` : messageOf(error);
    throw new Fault("FAILED", what, { hint: "name another file: --output FILE", cause: error });
  }
}
