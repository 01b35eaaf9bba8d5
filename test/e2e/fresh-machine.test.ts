// time limit: 300 s
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { call } from "../support/rpc.js";
import { lastingPort } from "../support/sign-in.js";
import { type Ran, startUserManager, type UserManager } from "../support/user-manager.js";

const checkout = fileURLToPath(new URL("../../..", import.meta.url));

/** An account that was made just now: an empty home directory, a service manager, and npm with what it downloaded before. */
interface Account {
  readonly home: string;
  readonly manager: UserManager;
  /** A checkout with what it needs to be built. */
  readonly clone: string;
  /** Runs a line in sh as this user would type it; fails the test unless it ends with 0. */
  shell(line: string): Promise<Ran>;
  /** Every file and folder below the home directory. */
  listing(): readonly string[];
}

async function withAccount(use: (account: Account) => Promise<void>): Promise<void> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-fresh-")));
  const clone = cloneCheckout();
  const npmSays = (key: string): string =>
    execFileSync("npm", ["config", "get", key], { encoding: "utf8" }).trim();
  // How this machine gets at packages, when one is not in npm's cache.
  const network = Object.entries(process.env).filter(([name]) => /^npm_|proxy$|_certs?$/i.test(name));
  const env = {
    ...Object.fromEntries(network.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    PATH: [join(home, ".local/bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(":"),
    npm_config_cache: npmSays("cache"),
    npm_config_userconfig: npmSays("userconfig"),
    npm_config_prefer_offline: "true",
  };
  const manager = await startUserManager(home);
  try {
    await use({
      home,
      manager,
      clone,
      async shell(line) {
        const ran = await manager.run("sh", ["-c", `cd "$HOME" && ${line}`], env);
        assert.is(ran.code, 0, `${line}\n${ran.stdout}${ran.stderr}`);
        return ran;
      },
      listing: () => (readdirSync(home, { recursive: true }) as string[]).sort(),
    });
  } finally {
    await manager.close();
    for (const dir of [home, clone]) rmSync(dir, { recursive: true, force: true });
  }
}

/** Other tests run the build of this checkout: it is not made anew meanwhile. */
function cloneCheckout(): string {
  const clone = mkdtempSync(join(tmpdir(), "ctmcp-clone-"));
  for (const name of readdirSync(checkout)) {
    if (["node_modules", ".git", "dist"].includes(name)) continue;
    // The times tell make that nothing has to be downloaded.
    cpSync(join(checkout, name), join(clone, name), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(join(checkout, "node_modules"), join(clone, "node_modules"));
  return clone;
}

/** The commands of the README that lead from a package to a client. */
function readmeCommands(): readonly string[] {
  const readme = readFileSync(join(checkout, "README.md"), "utf8");
  const [, block = ""] = /<!-- from a package -->\n```sh\n(.*?)```/s.exec(readme) ?? [];
  const commands = block
    .split("\n")
    .map((line) => line.replace(/ {2,}#.*$/, ""))
    .filter((line) => line !== "");
  assert.is(commands.length, 4, block);
  return commands;
}

test("from a package to a client that works, by the commands of the README; then an upgrade; then nothing is left", () =>
  withAccount(async ({ home, manager, clone, shell, listing }) => {
    const port = await lastingPort();
    const [install = "", init = "", service = "", connect = ""] = readmeCommands();
    mkdirSync(join(home, "src/app"), { recursive: true });
    writeFileSync(join(home, "src/app/hello.txt"), "hello\n");
    const before = listing();
    execFileSync("npm", ["pack", checkout, "--pack-destination", home, "--loglevel=error"], {
      stdio: "ignore",
    });

    await shell(install);
    await shell(`${init} --listen 127.0.0.1:${port}`);
    const { stdout } = await shell(service);
    assert.match(stdout, `running: http://127.0.0.1:${port}/mcp\n`);
    assert.match((await shell(`${connect} --no-wait`)).stdout, "claude mcp add");
    const tokenFile = join(home, ".local/state/coding-tools-mcp/bearer-token");
    const to = { url: `http://127.0.0.1:${port}/mcp`, token: readFileSync(tokenFile, "utf8").trim() };
    const read = async (): Promise<unknown> =>
      (await call(to, "read_file", { path: "hello.txt" })).structuredContent.content;
    assert.match(String(await read()), "hello");
    await shell("ctmcpctl verify");
    await shell("man -w ctmcpctl || test -e .local/share/man/man1/ctmcpctl.1");

    // An upgrade from a checkout.
    const pid = await manager.show("MainPID");
    const upgraded = await shell(`make -C '${clone}' install`);
    assert.match(upgraded.stdout, "running: ");
    assert.is.not(await manager.show("MainPID"), pid);
    assert.match(String(await read()), "hello");
    for (const path of [
      "man/man1/ctmcpd.1",
      "man/man5/coding-tools-mcp.yaml.5",
      "bash-completion/completions/ctmcpctl",
    ])
      assert.ok(existsSync(join(home, ".local/share", path)), path);
    assert.match((await shell("ctmcpctl doctor --json")).stdout, "service: installed, active");

    await shell(`rm -f coding-tools-mcp-*.tgz && make -C '${clone}' uninstall PURGE=1`);
    assert.is(await manager.show("ActiveState"), "inactive");
    assert.equal(
      listing().filter((path) => !before.includes(path)),
      [".config", ".config/coding-tools-mcp.yaml"],
    );
  }));

test.run();
