import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Row } from "../../cmd/ctmcpctl/doctor/row.js";
import { createAuthority } from "../../internal/tunnel/tls.test.util.js";
import type { TunnelReport } from "../../internal/tunnel/types.js";
import { type Sshd, startSshd } from "../fakes/sshd.js";
import { type FarProcess, startFarProcess } from "./far-side-client.js";
import { farAddress, type Sides, startSides } from "./far-side-network.js";
import { makePlace, type Place } from "./place.js";
import { mainOf, type Program, startProgram } from "./program.js";

const host = "mcp.test";
/** Nothing about the tunnel takes longer: a cut connection takes longest, which ssh itself notices after 45 s. */
const patienceMs = 60_000;
export const publicUrl = `https://${host}/mcp`;

/** A ctmcpd process at home, whose tunnel is `ssh -R` to a server on the far side, where its public name is. */
export interface TunnelledDaemon extends Place, Pick<Sides, "cut" | "mend"> {
  readonly sshd: Sshd;
  readonly far: FarProcess;
  /** Writes a configuration; `tunnel` replaces keys of that section. */
  configureTunnel(tunnel?: Readonly<Record<string, unknown>>, docs?: "read-only" | "full"): void;
  /** Starts the daemon, again after it has ended; returns when it serves. */
  start(): Promise<void>;
  /** The process that runs now. */
  program(): Program;
  /** Runs ctmcpctl; returns what it prints. Rejects when it fails. */
  ctl(...args: readonly string[]): Promise<string>;
  /** Runs ctmcpctl with --json; returns its exit code and the rows it prints. */
  look(verb: "doctor" | "verify"): Promise<{ readonly code: number | null; readonly rows: readonly Row[] }>;
  tunnel(): Promise<TunnelReport>;
  /** Waits until the tunnel is as wanted, which is not announced by anything; rejects when it is not within a minute. */
  tunnelUntil(isThere: (report: TunnelReport) => boolean): Promise<TunnelReport>;
}

/** Runs `test` with such a daemon, which is not started yet, and takes all of it away. */
export async function withTunnel(test: (daemon: TunnelledDaemon) => Promise<void>): Promise<void> {
  const place = makePlace();
  const closers: (() => unknown)[] = [() => place.remove()];
  try {
    const { home, far: farSide, cut, mend, close } = await startSides(place.dir, host);
    closers.push(close);
    const folder = join(place.dir, "far");
    mkdirSync(folder);
    const sshd = await startSshd(folder, { address: farAddress, enter: farSide.enter });
    closers.push(() => sshd.stop());
    const authority = createAuthority();
    closers.push(() => authority.close());
    const ca = join(folder, "ca.pem");
    writeFileSync(ca, authority.ca);
    const far = startFarProcess(farSide, ca);
    closers.push(() => far.stop());
    const { key, cert } = authority.issue(host);
    await far.ask("serve", { key: key.toString(), cert: cert.toString() });
    const programs: Program[] = [];
    closers.push(() => Promise.all(programs.map((program) => program.kill())));
    place.folder("docs");

    const run = (name: "ctmcpd" | "ctmcpctl", args: readonly string[]): Program =>
      startProgram(mainOf(name), {
        args: ["--config", place.configPath, ...args],
        env: { HOME: place.dir, NODE_EXTRA_CA_CERTS: ca },
        node: home.node,
      });
    const tunnel = async (): Promise<TunnelReport> => {
      const report = (await place.admin.tunnel()).tunnel;
      if (report === null) throw new Error("no tunnel is configured");
      return report;
    };
    await test({
      ...place,
      cut,
      mend,
      sshd,
      far,
      configureTunnel(changes, docs = "read-only") {
        place.configure({
          hostname: host,
          listen: "127.0.0.1:8765",
          workspaces: [
            { id: "app", path: "app", profile: "full" },
            { id: "docs", path: "docs", profile: docs },
          ],
          auth: { mode: "oauth" },
          tunnel: {
            provider: "ssh",
            destination: `${sshd.user}@${farAddress}`,
            port: sshd.port,
            remote_port: 8765,
            identity_file: sshd.identityFile,
            known_hosts_file: sshd.knownHostsFile,
            ...changes,
          },
        });
      },
      async start() {
        programs.push(run("ctmcpd", []));
        await programs.at(-1)?.until("stderr", /"message":"ready"/);
      },
      program: () => programs.at(-1) as Program,
      async ctl(...args) {
        const program = run("ctmcpctl", args);
        const { code } = await program.exit;
        if (code !== 0) throw new Error(`ctmcpctl ${args.join(" ")}: exit ${code}: ${program.stderr()}`);
        return program.stdout();
      },
      async look(verb) {
        const program = run("ctmcpctl", [verb, "--json"]);
        const { code } = await program.exit;
        if (program.stdout() === "") throw new Error(`ctmcpctl ${verb}: exit ${code}: ${program.stderr()}`);
        return { code, rows: JSON.parse(program.stdout()).rows };
      },
      tunnel,
      async tunnelUntil(isThere) {
        const begun = Date.now();
        for (;;) {
          const report = await tunnel();
          if (isThere(report)) return report;
          if (Date.now() - begun > patienceMs)
            throw new Error(`still so: ${JSON.stringify(report, null, 1)}`);
          await sleep(50);
        }
      },
    });
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
