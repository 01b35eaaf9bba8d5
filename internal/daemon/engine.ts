import { isDeepStrictEqual } from "node:util";
import { type Authenticator, eitherAuth } from "../auth/authenticator.js";
import { createBearerAuth } from "../auth/bearer.js";
import { createNoAuth } from "../auth/none.js";
import type { SignIn } from "../auth/oauth/server.js";
import type { Pass } from "../auth/pass.js";
import type { Principal } from "../auth/principal.js";
import type { Clock } from "../clock/clock.js";
import type { Config } from "../config/config.js";
import { realPath } from "../config/folders.js";
import { Fault } from "../errs/errs.js";
import { linksTo } from "../fsx/file-chain.js";
import type { ClientStep } from "../httpd/client-step.js";
import { createHandler } from "../httpd/handler.js";
import type { Log } from "../log/log.js";
import type { BegunCall, CallRecord } from "../mcp/call.js";
import { createElicitation, type Elicitation } from "../mcp/elicitation.js";
import { createMcpHttp, type RequestRecord } from "../mcp/http.js";
import { createInFlight, type InFlight } from "../mcp/inflight.js";
import { createSubscriptions, type Subscriptions } from "../mcp/subscriptions.js";
import type { InstructionsFor } from "../mcp/view.js";
import type { ArgumentValidators } from "../tools/arguments.js";
import type { Tool } from "../tools/types.js";
import type { ProbeResponder } from "../tunnel/probe-responder.js";
import type { Address } from "./addresses.js";
import { createCallLimits } from "./call-limits.js";
import { createExchanges } from "./exchanges.js";
import { createListener, type Inherited, type Listener } from "./listener.js";
import { planChange } from "./plan.js";
import type { Prepared } from "./reload.js";
import {
  createSnapshot,
  isReplaced,
  leadsElsewhere,
  openRoots,
  ownPaths,
  type Snapshot,
} from "./snapshot.js";

/** The steps of preparing a configuration, in order; each may fail, and then none has happened. */
export type PrepareStep = "workspaces" | "auth" | "listener" | "snapshot";

export interface EngineDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly tools: (config: Config) => readonly Tool[];
  readonly validators: ArgumentValidators;
  readonly instructions: InstructionsFor;
  /** The bearer token a configuration asks for; undefined with auth none. May make one. */
  readonly token: (config: Config) => Promise<string | undefined>;
  /** What a configuration's sign-in is, once the address is known; undefined when clients do not sign in. */
  readonly signIn: (config: Config) => Promise<((address: Address) => SignIn) | undefined>;
  /** For the owner's own checks where clients sign in. */
  readonly pass?: Pass;
  /** For a tunnel whose requests need no sign-in. */
  readonly tunnelPass?: Pass;
  /** Before a call that may change something; see CallDeps. */
  readonly onBegin?: (call: BegunCall) => void;
  readonly onCall: (record: CallRecord) => void;
  readonly onRequest: (record: RequestRecord) => void;
  readonly onClientStep?: (step: ClientStep) => void;
  /** Absolute paths that no client reaches, besides those that the configuration names. */
  readonly closed: readonly string[];
  /** Another folder at the place of this workspace is served from now on. */
  readonly onReplaced?: (workspaceId: string) => void;
  /** The paths of workspaces that lead elsewhere by now and are not followed are these, which they were not before. */
  readonly onMisplaced?: (paths: readonly string[]) => void;
  readonly probe?: ProbeResponder;
  /** False: requests come by another way than HTTP. */
  readonly listen: boolean;
  readonly inherited?: Inherited | undefined;
  /** Called before each step of a preparation; throwing makes that step fail. */
  readonly onStep?: (step: PrepareStep) => void;
}

/** Serves one configuration after another. Knows nothing of files, signals or the admin socket. */
export interface Engine {
  /** The snapshot in force. Throws before the first commit. */
  current(): Snapshot;
  /** Does everything about `config` that can fail. */
  prepare(config: Config): Promise<Prepared>;
  /** Where it listens. */
  address(): Address;
  /** Whether this principal may run commands in that workspace, as things stand now. */
  mayRun(principalId: string, workspaceId: string): boolean;
  /** Tells clients whose tool list is another one now, and lets go of those who may see nothing any more. */
  refreshClients(): void;
  readonly inFlight: InFlight;
  readonly subscriptions: Subscriptions;
  readonly elicitation: Elicitation;
  draining(): boolean;
  /** Turns away new requests, lets running ones end within `graceMs`, then ends them. */
  close(graceMs: number): Promise<void>;
}

/** A request may still be arriving under the old snapshot for this long after a reload. */
const arrivalMs = 60_000;
/** What cancelled calls have to say so before their connections are cut. */
const cancelMs = 500;
/** How often, at most, workspaces are checked for having been replaced on disk. */
const folderCheckMs = 1_000;
const noRoots: Snapshot["roots"] = new Map();

export function createEngine(deps: EngineDeps): Engine {
  const { clock, log } = deps;
  const inFlight = createInFlight();
  const subscriptions = createSubscriptions();
  const elicitation = createElicitation({ clock });
  let snapshot: Snapshot | undefined;
  let draining = false;
  let foldersChecked = Number.NEGATIVE_INFINITY;
  let misplaced: readonly string[] = [];

  const exchanges = createExchanges(clock);
  const mcp = createMcpHttp({ clock, inFlight, subscriptions, elicitation, onRequest: deps.onRequest });
  const listener: Listener = createListener({
    inherited: deps.inherited,
    handler: exchanges.watch(
      createHandler({
        current,
        draining: () => draining,
        log,
        ...(deps.probe && { probe: deps.probe }),
        ...(deps.onClientStep && { onStep: deps.onClientStep }),
        mcp: {
          async handle(request) {
            const fresh = await withFreshFolders(request.snapshot);
            await fresh.lease.use(() => mcp({ ...request, snapshot: fresh }));
            // It may have arrived while a reload was telling the others.
            if (request.body.method === "subscriptions/listen" && fresh !== snapshot) tellSubscribers(fresh);
          },
        },
      }),
    ),
  });

  return {
    current,
    prepare,
    address: () => listener.address(),
    mayRun(principalId, workspaceId) {
      const { auth, views } = current();
      const principal = auth.current(principalId);
      const view = principal && views(principal, workspaceId);
      return view?.catalogue.names.includes("exec_command") === true;
    },
    refreshClients: () => tellSubscribers(current()),
    inFlight,
    subscriptions,
    elicitation,
    draining: () => draining,
    async close(graceMs) {
      await listener.handOver();
      draining = true;
      subscriptions.endAll();
      const deadline = clock.monotonic() + graceMs;
      const cut = clock.after(Math.max(0, graceMs - cancelMs), () => inFlight.abortAll());
      // As long as answers are owed, newcomers are told to come again, and probes that this server is leaving.
      await exchanges.idle(graceMs);
      cut();
      await listener.close(Math.max(0, deadline - clock.monotonic()));
      snapshot?.lease.retire();
    },
  };

  function current(): Snapshot {
    if (snapshot === undefined) throw new Fault("UNHEALTHY", "no configuration is in force yet");
    return snapshot;
  }

  async function prepare(config: Config): Promise<Prepared> {
    const base = snapshot;
    const undo: (() => void)[] = [];
    const discard = (): void => {
      for (const step of undo.reverse()) step();
    };
    try {
      const plan = base
        ? planChange(base.config, config)
        : { changes: ["first configuration"], restartNeeded: [] };
      // What needs a restart keeps its old value, so that two halves of the daemon never disagree.
      const effective = base
        ? { ...config, stateDir: base.config.stateDir, runtimeDir: base.config.runtimeDir }
        : config;
      deps.onStep?.("workspaces");
      const own = [...ownPaths(effective), ...deps.closed];
      const closed = own.flatMap((path) => [path, realPath(path), ...linksTo(path)]);
      const isClosedAlike = base !== undefined && isDeepStrictEqual(base.closed, closed);
      const held = isClosedAlike ? base.roots : noRoots;
      const roots = openRoots(effective, held, own);
      const release = holdAll(roots);
      undo.push(release);
      const replaced = effective.workspaces.filter(({ path }) => {
        const old = held.get(path);
        return old !== undefined && old !== roots.get(path);
      });
      deps.onStep?.("auth");
      const token = await deps.token(effective);
      const signInAt = await deps.signIn(effective);
      deps.onStep?.("listener");
      const bound = deps.listen ? await listener.prepare(effective) : undefined;
      undo.push(() => bound?.discard());
      deps.onStep?.("snapshot");
      const signIn = bound && signInAt?.(bound.address);
      const next = createSnapshot({
        config: effective,
        token,
        auth: authenticator({
          token,
          signIn,
          pass: deps.pass,
          tunnelPass: usesPass(effective) ? deps.tunnelPass : undefined,
        }),
        signIn,
        roots,
        closed,
        onRetired: release,
        tools: deps.tools(effective),
        instructions: deps.instructions,
        calls: {
          validators: deps.validators,
          limits:
            base && isDeepStrictEqual(base.config.limits, effective.limits)
              ? base.calls.limits
              : createCallLimits(effective.limits, clock),
          clock,
          onBegin: deps.onBegin,
          onCall: deps.onCall,
          onBug: (tool, error) => log.error("a tool failed unexpectedly", { tool, error }),
        },
      });
      const rotated = base !== undefined && base.token !== token && plan.changes.length === 0;
      return {
        changes: [
          ...plan.changes,
          ...replaced.map(({ id }) => `workspace ${id}: its folder was replaced`),
          ...(rotated ? ["bearer token: another value"] : []),
          ...(base && !isClosedAlike && plan.changes.length === 0
            ? ["the daemon's own files: by other links"]
            : []),
        ],
        restartNeeded: plan.restartNeeded,
        discard,
        commit() {
          const old = snapshot;
          snapshot = next;
          bound?.commit();
          tellMisplaced(next);
          for (const { id } of replaced) deps.onReplaced?.(id);
          if (old === undefined) return;
          tellSubscribers(old);
          clock.after(arrivalMs, () => old.lease.retire());
        },
      };
    } catch (error) {
      discard();
      throw error;
    }
  }

  /** Whoever came in with a credential that no longer counts must come in again. */
  function tellSubscribers(old: Snapshot): void {
    const now = current();
    const rotated = old.token !== now.token;
    subscriptions.refresh(({ id }, workspaceId) => {
      const principal = rotated && id === owner.id ? undefined : now.auth.current(id);
      return principal && now.views(principal, workspaceId)?.catalogue.hash;
    });
  }

  /** A workspace that was removed and cloned again is served again by the next call, without a reload. */
  async function withFreshFolders(began: Snapshot): Promise<Snapshot> {
    if (clock.monotonic() - foldersChecked < folderCheckMs) return began;
    foldersChecked = clock.monotonic();
    tellMisplaced(began);
    const replaced = began.config.workspaces
      .filter((workspace) => {
        const root = began.roots.get(workspace.path);
        return root !== undefined && isReplaced(root.value, workspace);
      })
      .map(({ path }) => path);
    if (replaced.length === 0 || began !== snapshot) return began;
    try {
      const prepared = await prepare(began.config);
      if (began !== snapshot) {
        prepared.discard();
        return began;
      }
      prepared.commit();
      log.notice("a workspace folder was replaced and opened again", { paths: replaced });
    } catch (error) {
      log.warning("a workspace folder was replaced and cannot be opened", { paths: replaced, error });
    }
    return current();
  }

  function tellMisplaced({ config }: Snapshot): void {
    const paths = config.workspaces.filter(leadsElsewhere).map(({ path }) => path);
    if (isDeepStrictEqual(paths, misplaced)) return;
    misplaced = paths;
    deps.onMisplaced?.(paths);
  }
}

function holdAll(roots: Snapshot["roots"]): () => void {
  const releases = [...roots.values()].map((root) => root.hold());
  return () => {
    for (const release of releases) release();
  };
}

/** The token gives all that each workspace allows. */
const owner: Principal = { id: "bearer", label: "bearer token", workspaces: undefined, profile: "full" };
/** So does being on this machine, where nobody is asked. */
const anonymous: Principal = {
  id: "anonymous",
  label: "anonymous",
  workspaces: undefined,
  profile: "full",
};

function usesPass({ tunnel }: Config): boolean {
  return tunnel?.provider === "openai" && tunnel.profile !== undefined;
}

function authenticator({ tunnelPass, ...credentials }: Credentials): Authenticator {
  const others = withoutTunnel(credentials);
  return tunnelPass === undefined ? others : eitherAuth(tunnelPass.auth, others);
}

function withoutTunnel({ token, signIn, pass }: Omit<Credentials, "tunnelPass">): Authenticator {
  const bearer = token === undefined ? undefined : createBearerAuth({ token, principal: owner });
  if (signIn === undefined) return bearer ?? createNoAuth(anonymous);
  // The owner's own checks come with the bearer token where there is one.
  const other = bearer ?? pass?.auth;
  return other === undefined ? signIn.auth : eitherAuth(other, signIn.auth);
}

interface Credentials {
  readonly token: string | undefined;
  readonly signIn: SignIn | undefined;
  readonly pass: Pass | undefined;
  readonly tunnelPass: Pass | undefined;
}
