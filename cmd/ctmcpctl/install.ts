import { loadConfig } from "../../internal/config/load.js";
import { Fault } from "../../internal/errs/errs.js";
import type { ServiceScope } from "../../internal/service/description.js";
import type { Run } from "../../internal/service/manager.js";
import type { Context } from "./context.js";
import { describeService, serviceManager } from "./service.js";
import { createSession } from "./session.js";
import { waitFor } from "./wait.js";

const readyMs = 30_000;

/** Registers the daemon with the service manager and starts it, or starts it anew: an upgrade is the same. */
export async function run(context: Context): Promise<number> {
  const { flags, configPath, answer } = context;
  const scope = scopeOf(context);
  const { config } = loadConfig({ ...context, path: configPath });
  const { manager, run } = serviceManager(context);
  const isFull = config.workspaces.find(({ profile }) => profile === "full");
  if (flags["read-only"] && isFull !== undefined) {
    throw new Fault("USAGE", `--read-only does not fit: workspace ${isFull.id} is full`, {
      hint: "leave it out, or make every workspace read-only",
    });
  }
  const files = await manager.install({
    description: describeService(context, scope, config),
    readOnly: flags["read-only"] ? { stateDir: config.stateDir } : undefined,
    socket: flags["hold-port"] ? config.listen : undefined,
    start: !flags["no-start"],
  });
  const lingers = scope.kind === "system" || (await checkLinger(context, run));
  if (flags["no-start"] || scope.kind === "system") {
    answer({ files, lingers, status: null }, () => files.map((file) => `wrote ${file}`).join("\n"));
    return 0;
  }
  const status = await waitFor("ready", context, readyMs);
  answer({ files, lingers, status }, () =>
    [
      ...files.map((file) => `wrote ${file}`),
      `running: ${status.listen.public_url ?? status.listen.url}`,
      "next, connect a client: ctmcpctl connect",
    ].join("\n"),
  );
  return 0;
}

function scopeOf({ flags, uid }: Context): ServiceScope {
  if (!flags.system) {
    if (flags.user === undefined) return { kind: "user" };
    throw new Fault("USAGE", "--user is for a --system service", { hint: "add --system, or leave it out" });
  }
  if (flags.user === undefined) {
    throw new Fault("USAGE", "--user is missing: who is the service to run as?", {
      hint: "name yourself: --system --user NAME",
    });
  }
  // It goes into a unit as it is.
  if (!/^[a-z_][a-z0-9_.-]*\$?$/i.test(flags.user)) throw new Fault("USAGE", `${flags.user} is no user name`);
  if (uid !== 0) {
    throw new Fault("PERMISSION", "a system service is installed by root", {
      hint: "sudo, with --config PATH for the user's config",
    });
  }
  return { kind: "system", user: flags.user };
}

/** Without it the service ends at logout. Offered on a terminal, done with --linger, told otherwise. */
async function checkLinger(context: Context, run: Run): Promise<boolean> {
  const { uid, flags, remark } = context;
  if (process.platform !== "linux") return true;
  const told = await run("loginctl", ["show-user", String(uid), "--property=Linger", "--value"]);
  if (told.stdout.trim() === "yes") return true;
  const wanted =
    flags.linger ||
    (await createSession(context).confirm(
      "The service ends when you log out. Keep it running (loginctl enable-linger)?",
    ));
  const done = wanted && (await run("loginctl", ["enable-linger"])).code === 0;
  if (!done) remark("note: the service ends when you log out; to keep it running: loginctl enable-linger");
  return done;
}
