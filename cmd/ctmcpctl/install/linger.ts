import type { Run } from "../../../internal/service/manager.js";
import type { Context } from "../context.js";
import { createSession } from "../session.js";

/** Without it the service ends at logout. Offered on a terminal, done with --linger, told otherwise; true when it is on. */
export async function checkLinger(context: Context, run: Run): Promise<boolean> {
  const { flags, remark } = context;
  if (process.platform !== "linux" || (await isLingering(context, run))) return true;
  const wanted =
    flags.linger ||
    (await createSession(context).confirm(
      "The service ends when you log out. Keep it running (loginctl enable-linger)?",
    ));
  const done = wanted && (await run("loginctl", ["enable-linger"])).code === 0;
  if (!done) remark("note: the service ends when you log out; to keep it running: loginctl enable-linger");
  return done;
}

/** After an uninstallation: it may have been turned on for the service, or for something else that needs it still. */
export async function remarkLinger(context: Context, run: Run): Promise<void> {
  if (process.platform !== "linux" || !(await isLingering(context, run))) return;
  context.remark(
    "note: services of yours still run while you are logged out; to end that: loginctl disable-linger",
  );
}

async function isLingering({ uid }: Context, run: Run): Promise<boolean> {
  const told = await run("loginctl", ["show-user", String(uid), "--property=Linger", "--value"]);
  return told.stdout.trim() === "yes";
}
